//! Tables that are no text: rows that come ready in fields, from a file of another kind or from a server.

use std::sync::Arc;

use super::batch::Reason;
use super::table_rows::RawRow;

/// An opened table. It is read by the thread that opened it, row by row, as the rows of a file of text are: where
/// the rows come from elsewhere, such as from a task of their own, that is hidden behind [`Table::read`].
pub(super) trait Table {
    /// The names of the columns, as the table has them.
    fn columns(&self) -> &[String];

    /// Reads the next row: [`RawRow::begin`] with its number from 1, then [`RawRow::push`] for each column, with
    /// the empty text where there is no value. False at the end. After a reason nothing more is read; the rows
    /// before it count.
    fn read(&mut self, row: &mut RawRow) -> Result<bool, Reason>;

    /// Something that people should know about the rows.
    fn remark(&self) -> Option<&str> {
        None
    }

    /// How far reading is, in bytes where the table is a file, else in rows.
    fn done(&self) -> u64 {
        0
    }

    /// What [`Table::done`] is at the end; 0 where nobody knows.
    fn total(&self) -> u64 {
        0
    }
}

/// How a table is opened when its turn comes. Blocking is allowed, also inside of an async run time: whoever needs
/// one of their own starts a thread for it.
#[derive(Clone)]
pub(super) struct Opener(Arc<Open>);

type Open = dyn Fn() -> Result<Box<dyn Table>, Reason> + Send + Sync;

impl Opener {
    pub(super) fn new(open: impl Fn() -> Result<Box<dyn Table>, Reason> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    pub(super) fn open(&self) -> Result<Box<dyn Table>, Reason> {
        (self.0)()
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Opener")
    }
}
