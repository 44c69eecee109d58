//! 340B ids of covered entities: a type prefix, then the grant or provider number and the site.
//!
//! The prefixes come from a table; the longest one that fits wins, because `RWI`, `RWII` and `RWIID` are all
//! prefixes. An id that fits none is doubtful, never refused.

use super::tables::CoveredEntityType;

/// The type of the covered entity with this id in upper case. `None`: no prefix of the table fits.
pub fn entity_type<'t>(id: &str, types: &'t [CoveredEntityType]) -> Option<&'t CoveredEntityType> {
    let fits = |kind: &&CoveredEntityType| {
        id.strip_prefix(kind.prefix.as_str()).is_some_and(|rest| {
            rest.bytes().next().is_some_and(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
                && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase() || b == b'-')
        })
    };
    types.iter().filter(fits).max_by_key(|kind| kind.prefix.len())
}

/// The id of the parent entity: the id without its site, which is what follows the last digit of the number
/// (`DSH123456A` and `DSH123456-02` are sites of `DSH123456`).
pub fn parent(id: &str) -> &str {
    let before_hyphen = id.split('-').next().unwrap_or(id);
    match before_hyphen.rfind(|c: char| c.is_ascii_digit()) {
        Some(last) => &before_hyphen[..=last],
        None => before_hyphen,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispute::Tables;

    #[test]
    fn the_longest_prefix_wins() {
        let tables = Tables::embedded();
        for (id, prefix) in [
            ("DSH123456", "DSH"),
            ("RWI12345", "RWI"),
            ("RWII12345", "RWII"),
            ("RWIID12345", "RWIID"),
            ("FQHCLA452", "FQHCLA"),
            ("FQHC63812", "FQHC638"),
            ("CH012345A-2", "CH"),
            ("340S1234", "340S"),
            ("RW41234", "RW4"),
        ] {
            let found = entity_type(id, &tables.covered_entity_types);
            assert_eq!(found.map(|kind| kind.prefix.as_str()), Some(prefix), "{id}");
        }
    }

    #[test]
    fn a_bare_or_unknown_prefix_has_no_type() {
        let tables = Tables::embedded();
        for id in ["DSH", "DSH-1", "ZZ12345", "", "dsh123456", "DSH 12345"] {
            assert_eq!(entity_type(id, &tables.covered_entity_types), None, "{id}");
        }
    }

    #[test]
    fn a_site_belongs_to_its_parent() {
        for id in ["DSH123456", "DSH123456A", "DSH123456-02", "DSH123456AB-1"] {
            assert_eq!(parent(id), "DSH123456", "{id}");
        }
        assert_eq!(parent("FQHCLA"), "FQHCLA");
    }
}
