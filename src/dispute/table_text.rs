//! Tab-separated texts with a header, read cell by cell. Every error names table, line and column.

/// One table as text, with the name that errors give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableText<'a> {
    /// The name of the file.
    pub name: &'a str,
    /// Tab-separated values with a header line; cells that hold quotes are quoted as in CSV.
    pub text: &'a str,
}

/// Why a table could not be read. The table must be corrected; nothing is read from a table in part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The header lacks a column.
    #[error("table `{table}` has no column `{column}`, found the columns {}", list(.found))]
    MissingColumn {
        /// Name of the table.
        table: String,
        /// The column expected.
        column: String,
        /// The columns of the header.
        found: Vec<String>,
    },
    /// A row has more or fewer cells than the header.
    #[error("table `{table}`, line {line}: expected {expected} cells, found {found}")]
    CellCount {
        /// Name of the table.
        table: String,
        /// Line, counted from 1.
        line: u64,
        /// Cells of the header.
        expected: usize,
        /// Cells of the row.
        found: usize,
    },
    /// A cell does not hold what its column needs.
    #[error("table `{table}`, line {line}, column `{column}`: expected {expected}, found `{found}`")]
    Cell {
        /// Name of the table.
        table: String,
        /// Line, counted from 1.
        line: u64,
        /// The column.
        column: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
}

/// One row on its way to its type.
pub(super) struct Cells<'a> {
    table: &'a str,
    line: u64,
    columns: &'a [(String, usize)],
    record: csv::StringRecord,
}

impl Cells<'_> {
    pub(super) fn get(&self, column: &str) -> &str {
        self.columns
            .iter()
            .find(|(name, _)| name == column)
            .and_then(|(_, place)| self.record.get(*place))
            .unwrap_or_default()
            .trim()
    }

    pub(super) fn text(&self, column: &str) -> String {
        self.get(column).to_owned()
    }

    pub(super) fn optional(&self, column: &str) -> Option<String> {
        Some(self.text(column)).filter(|text| !text.is_empty())
    }

    pub(super) fn required(&self, column: &str) -> Result<String, TableError> {
        self.optional(column).ok_or_else(|| self.wrong(column, "a value"))
    }

    pub(super) fn one_of<T: Copy>(&self, column: &str, names: &[(&str, T)]) -> Result<T, TableError> {
        let found = self.get(column);
        names.iter().find(|(name, _)| *name == found).map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<String> = names.iter().map(|(name, _)| (*name).to_owned()).collect();
            self.wrong(column, &format!("one of {}", list(&names)))
        })
    }

    pub(super) fn wrong(&self, column: &str, expected: &str) -> TableError {
        TableError::Cell {
            table: self.table.to_owned(),
            line: self.line,
            column: column.to_owned(),
            expected: expected.to_owned(),
            found: self.text(column),
        }
    }
}

/// Reads every row of a table that has at least `columns`, which are separated by spaces.
pub(super) fn rows<T>(
    table: TableText<'_>,
    columns: &str,
    build: impl Fn(&Cells<'_>) -> Result<T, TableError>,
) -> Result<Vec<T>, TableError> {
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b'\t')
        .flexible(true)
        .from_reader(table.text.trim_start_matches('\u{feff}').as_bytes());
    // Bytes of a `&str` in a flexible reader cannot fail; an impossible error reads as an empty header.
    let header: Vec<String> = reader
        .headers()
        .map(|header| header.iter().map(|name| name.trim().to_owned()).collect())
        .unwrap_or_default();
    let columns: Vec<(String, usize)> = columns
        .split_whitespace()
        .map(|column| {
            let place = header.iter().position(|name| name == column);
            place.map(|place| (column.to_owned(), place)).ok_or_else(|| TableError::MissingColumn {
                table: table.name.to_owned(),
                column: column.to_owned(),
                found: header.clone(),
            })
        })
        .collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for record in reader.into_records().filter_map(Result::ok) {
        let line = record.position().map_or(0, csv::Position::line);
        if record.len() != header.len() {
            return Err(TableError::CellCount {
                table: table.name.to_owned(),
                line,
                expected: header.len(),
                found: record.len(),
            });
        }
        out.push(build(&Cells { table: table.name, line, columns: &columns, record })?);
    }
    Ok(out)
}

/// Names in backticks, separated by commas.
pub(super) fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
