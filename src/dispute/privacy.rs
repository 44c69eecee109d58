//! What a value of a column could give away.
//!
//! One table, `config/columns.tsv`, classes every column of the contract, each with its reason and its source. A column
//! that it does not know is private: somebody else's extract may hold anything. It is no setting, because a setting that
//! makes patient data public is one that nobody should have.

use std::sync::LazyLock;

use super::table_text::{Cells, TableError, TableText, rows};
use super::{Field, quoted, shape};

/// What a value could give away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Names one claim or one person.
    Identifier,
    /// A date of a person's care that is finer than a quarter.
    Day,
    /// A price that is confidential.
    Price,
    /// Text in which anything may stand.
    FreeText,
    /// None of these.
    Safe,
    /// Nobody has looked at it: private.
    Unclassed,
}

impl Class {
    const NAMES: [(&'static str, Self); 5] = [
        ("identifier", Self::Identifier),
        ("day", Self::Day),
        ("price", Self::Price),
        ("free text", Self::FreeText),
        ("safe", Self::Safe),
    ];

    /// The name for people.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(_, class)| *class == self).map_or("unclassed", |(name, _)| name)
    }
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnClass {
    /// The column of the contract.
    pub column: String,
    /// Its class.
    pub class: Class,
    /// Why.
    pub reason: String,
    /// By which rule.
    pub source: String,
}

const TEXT: TableText<'static> =
    TableText { name: "columns.tsv", text: include_str!("../../config/columns.tsv") };

/// By [`Field::index`].
static CLASSES: LazyLock<[Class; Field::ALL.len()]> = LazyLock::new(|| {
    // A table that cannot be read classes nothing, so that everything is private; a test reads it.
    let rows = column_classes().unwrap_or_default();
    Field::ALL.map(|field| {
        let row = rows.iter().find(|row| row.column == field.name());
        row.map_or(Class::Unclassed, |row| row.class)
    })
});

/// The table.
pub fn column_classes() -> Result<Vec<ColumnClass>, TableError> {
    rows(TEXT, "column class reason source", row)
}

fn row(cells: &Cells<'_>) -> Result<ColumnClass, TableError> {
    Ok(ColumnClass {
        column: cells.required("column")?,
        class: cells.one_of("class", &Class::NAMES)?,
        reason: cells.required("reason")?,
        source: cells.required("source")?,
    })
}

/// The class of a column, by the name that the contract would give it.
pub fn class_of(column: &str) -> Class {
    Field::from_name(column).map_or(Class::Unclassed, Field::class)
}

impl Field {
    /// What a value of this column could give away.
    pub fn class(self) -> Class {
        CLASSES[self.index()]
    }

    /// Whether values of this column stay in this process: everything but what is classed as safe.
    pub fn is_private(self) -> bool {
        self.class() != Class::Safe
    }

    /// A value as a message quotes it: by its form alone where the column is private or the value looks so.
    pub fn quoted(self, value: &str) -> String {
        if self.is_private() || self.misfit(value).is_some() { shape(value) } else { quoted(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_the_contract_is_classed_once_and_no_other() {
        let classed: Vec<String> = column_classes().unwrap().into_iter().map(|row| row.column).collect();
        assert_eq!(classed, Field::ALL.map(|field| field.name().to_owned()));
    }

    #[test]
    fn a_column_that_nobody_has_classed_is_private() {
        assert_eq!(class_of("patient_name"), Class::Unclassed);
        assert_eq!(class_of(""), Class::Unclassed);
    }

    #[test]
    fn what_belongs_to_a_patient_and_the_unit_rebate_amount_are_private() {
        let private = Field::ALL.into_iter().filter(|field| field.is_private());
        let private: Vec<(Field, &str)> = private.map(|field| (field, field.class().as_str())).collect();
        let expected = [
            (Field::ServiceDate, "day"),
            (Field::UnitRebateAmount, "price"),
            (Field::Note, "free text"),
            (Field::ClaimRef, "identifier"),
        ];
        assert_eq!(private, expected);
    }
}
