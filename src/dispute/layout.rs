//! Named layouts of files that the field knows: which of their columns is which of ours, and where it stands.
//!
//! Data alone: `config/layouts.tsv`, one statement a row, each with its source. What the statements mean for reading is
//! said where sources are set up.

use super::Field;
use super::table_text::{Cells, TableError};

/// One statement of a layout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayoutRow {
    /// The name of the layout.
    pub layout: String,
    /// What is stated.
    pub kind: LayoutKind,
    /// The published name of a column; for what is no column: the expression, the constant, the word or the text.
    pub column: String,
    /// Other names under which the column is found.
    pub also: Vec<String>,
    /// The first and the last character, from 1, in a line of fixed width.
    pub place: Option<(usize, usize)>,
    /// Which of our columns it is.
    pub field: Option<Field>,
    /// How values are written, or what a word means; for values that tell a record by: the values between `|`.
    pub form: Option<String>,
    /// Where it was published.
    pub source: String,
}

/// What a row of the table states.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutKind {
    /// What the layout is, in words.
    About,
    /// A column of the file.
    Column,
    /// One of our columns is put together from others.
    Derived,
    /// One of our columns has one value.
    Constant,
    /// A word of the file for a value of ours.
    Word,
    /// Records that are no rows, such as heads and ends of files, by the values of a column.
    Skip,
    /// A column that has one of these values tells the layout from others.
    Sign,
}

impl LayoutKind {
    const NAMES: [(&'static str, Self); 7] = [
        ("about", Self::About),
        ("column", Self::Column),
        ("derived", Self::Derived),
        ("constant", Self::Constant),
        ("word", Self::Word),
        ("skip", Self::Skip),
        ("sign", Self::Sign),
    ];
}

/// The columns of the table.
pub(super) const COLUMNS: &str = "layout kind column also first last ours form source";

pub(super) fn row(cells: &Cells<'_>) -> Result<LayoutRow, TableError> {
    let kind = cells.one_of("kind", &LayoutKind::NAMES)?;
    let field = match cells.optional("ours") {
        None => None,
        Some(name) => Some(
            Field::from_name(&name).ok_or_else(|| cells.wrong("ours", "one of our columns, or nothing"))?,
        ),
    };
    let is_of_ours = matches!(kind, LayoutKind::Derived | LayoutKind::Constant | LayoutKind::Word);
    if is_of_ours && field.is_none() {
        return Err(cells.wrong("ours", "one of our columns"));
    }
    let number = |column| {
        cells
            .optional(column)
            .map(|text| text.parse().map_err(|_| cells.wrong(column, "a number")))
            .transpose()
    };
    let place = match (number("first")?, number("last")?) {
        (None, None) => None,
        (Some(first), Some(last)) if 1 <= first && first <= last => Some((first, last)),
        _ => return Err(cells.wrong("last", "a number that is not before `first`")),
    };
    let form = if matches!(kind, LayoutKind::Word | LayoutKind::Skip | LayoutKind::Sign) {
        Some(cells.required("form")?)
    } else {
        cells.optional("form")
    };
    let also = cells.get("also").split('|').map(str::trim).filter(|name| !name.is_empty());
    Ok(LayoutRow {
        layout: cells.required("layout")?,
        kind,
        column: cells.required("column")?,
        also: also.map(str::to_owned).collect(),
        place,
        field,
        form,
        source: cells.required("source")?,
    })
}

/// Where the rows of layouts do not fit each other, in words.
pub(super) fn contradictions(rows: &[LayoutRow]) -> Vec<String> {
    let mut found = Vec::new();
    let columns = || rows.iter().filter(|row| row.kind == LayoutKind::Column);
    for (number, row) in columns().enumerate() {
        let LayoutRow { layout, column, .. } = row;
        for other in columns().take(number).filter(|other| other.layout == *layout) {
            if other.column.eq_ignore_ascii_case(column) {
                found.push(format!("column `{column}` stands twice in the layout `{layout}`"));
            }
            if let (Some((first, last)), Some((start, end))) = (row.place, other.place)
                && first <= end
                && start <= last
            {
                found.push(format!(
                    "columns `{}` and `{column}` of the layout `{layout}` overlap",
                    other.column
                ));
            }
        }
    }
    for row in rows.iter().filter(|row| matches!(row.kind, LayoutKind::Skip | LayoutKind::Sign)) {
        let LayoutRow { layout, column, .. } = row;
        if !columns().any(|other| other.layout == *layout && other.column == *column) {
            found.push(format!("the layout `{layout}` has no column `{column}` to tell records by"));
        }
    }
    found
}
