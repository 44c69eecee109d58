//! Answers as a SQL Server with the table `dbo.open_disputes` would, on a free port of this machine, which it prints.

use mssql_mock_tds::{ColumnDefinition, ColumnValue, MockTdsServer, QueryResponse, Row, SqlDataType};

const COLUMNS: [(&str, SqlDataType); 8] = [
    ("dispute_id", SqlDataType::BigInt),
    ("program", SqlDataType::NVarChar),
    ("manufacturer", SqlDataType::NVarChar),
    ("ndc", SqlDataType::NVarChar),
    ("product_name", SqlDataType::NVarCharMax),
    ("units_disputed", SqlDataType::Int),
    ("units_invoiced", SqlDataType::BigInt),
    ("patient_name", SqlDataType::NVarChar),
];
/// What disputebot has no use for, and does not ask for.
const UNWANTED: &str = "patient_name";

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let server = MockTdsServer::new("127.0.0.1:0").await?;
    let registry = server.query_registry();
    let wanted = || COLUMNS.into_iter().filter(|(name, _)| *name != UNWANTED);
    let picked: Vec<String> = wanted().map(|(name, _)| format!("[{name}]")).collect();
    let mut answers = registry.lock().await;
    answers.register(
        "SELECT TOP (0) * FROM [dbo].[open_disputes]",
        QueryResponse::new(defined(COLUMNS.into_iter()), Vec::new()),
    );
    answers.register(
        format!("SELECT {} FROM [dbo].[open_disputes]", picked.join(", ")),
        QueryResponse::new(defined(wanted()), rows()),
    );
    drop(answers);
    println!("{}", server.local_addr().port());
    server.run().await
}

fn defined(columns: impl Iterator<Item = (&'static str, SqlDataType)>) -> Vec<ColumnDefinition> {
    columns.map(|(name, kind)| ColumnDefinition::new(name, kind)).collect()
}

/// The largest and the smallest whole numbers, text beyond the basic plane, and NULL of each kind.
fn rows() -> Vec<Row> {
    let text = |text: &str| ColumnValue::NVarChar(text.to_owned());
    let long = |text: &str| ColumnValue::NVarCharMax(vec![text.encode_utf16().collect()]);
    let row = |id, program, product, disputed, invoiced| {
        let ndc = text("12345-678-90");
        let client = text("Example Pharma Ω");
        Row::new(vec![ColumnValue::BigInt(id), text(program), client, ndc, product, disputed, invoiced])
    };
    vec![
        row(i64::MIN, "mdrp", long("Größe 𝔸"), ColumnValue::Int(i32::MAX), ColumnValue::BigInt(i64::MAX)),
        row(2, "340b", ColumnValue::NVarCharMaxNull, ColumnValue::Null, ColumnValue::BigInt(0)),
        row(
            i64::MAX,
            "mdrp",
            ColumnValue::NVarCharMax(Vec::new()),
            ColumnValue::Int(i32::MIN),
            ColumnValue::Null,
        ),
    ]
}
