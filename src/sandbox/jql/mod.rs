//! The part of JQL that a ticket bot needs, read strictly.
//!
//! What it does not know it refuses by name; it never guesses and never finds more than the real server would.
//! Two traps of the real one are kept on purpose: `!=` and `NOT IN` drop issues whose field is empty, and `NOT`
//! is pushed down into the operators, so it drops them as well.

mod evaluate;
mod parse;

use super::dialect::Flavour;
use super::world::{Issue, World};

/// Why a query finds nothing at all.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum JqlError {
    /// It cannot be read, or has no condition: refused for everybody.
    Refused(String),
    /// It names what is not there: refused for those who signed in. A stranger gets an empty answer, because the
    /// server does not tell strangers what there is.
    Unknown(Vec<String>),
}

/// Those of the candidates that a query finds, in its order, or by falling id without one.
///
/// `who` is the caller's account id.
pub(crate) fn run<'a>(
    world: &World,
    who: &str,
    text: &str,
    candidates: Vec<&'a Issue>,
) -> Result<Vec<&'a Issue>, JqlError> {
    let query = parse::parse(text, world.site.flavour == Flavour::DataCenter)?;
    evaluate::evaluate(world, who, &query, candidates)
}
