//! Patterns for paths and for the names of objects: `*` and `?` within one part, `**` for any number of parts.

/// Whether a pattern stands for more than itself.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// The part of a pattern before its first part with a sign: everything that matches begins with it. Ends with a slash,
/// or is empty.
pub(super) fn fixed_part(pattern: &str) -> &str {
    let end = pattern.find(['*', '?']).unwrap_or(pattern.len());
    &pattern[..pattern[..end].rfind('/').map_or(0, |slash| slash + 1)]
}

/// Whether a name with slashes matches. A part that begins with a dot is matched by a dot only.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<&str>, Vec<&str>) = (pattern.split('/').collect(), name.split('/').collect());
    parts_match(&pattern, &name)
}

/// Each `**` takes as little as it can and more only where the rest does not match, and no earlier one is tried
/// again: the last one decides. So the time is bounded by the product of both lengths.
fn parts_match(pattern: &[&str], name: &[&str]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while of < name.len() {
        if pattern.get(at) == Some(&"**") {
            retry = Some((at, of));
            at += 1;
        } else if pattern.get(at).is_some_and(|part| part_matches(part, name[of])) {
            at += 1;
            of += 1;
        } else if let Some((star, from)) = retry.filter(|(_, from)| !name[*from].starts_with('.')) {
            retry = Some((star, from + 1));
            (at, of) = (star + 1, from + 1);
        } else {
            return false;
        }
    }
    pattern[at..].iter().all(|part| *part == "**")
}

fn part_matches(pattern: &str, part: &str) -> bool {
    if part.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let (pattern, part): (Vec<char>, Vec<char>) = (pattern.chars().collect(), part.chars().collect());
    let (mut at, mut of) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while of < part.len() {
        match pattern.get(at) {
            Some('*') => {
                retry = Some((at, of));
                at += 1;
            }
            Some(sign) if *sign == '?' || *sign == part[of] => {
                at += 1;
                of += 1;
            }
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (at, of) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_for_what_they_say() {
        for (pattern, name, expected) in [
            ("drops/*.csv", "drops/a.csv", true),
            ("drops/*.csv", "drops/a.csv.gz", false),
            ("drops/*.csv", "drops/2026/a.csv", false),
            ("drops/**/*.csv", "drops/a.csv", true),
            ("drops/**/*.csv", "drops/2026/11/a.csv", true),
            ("drops/**", "drops/2026/11/a.csv", true),
            ("drops/**/x/*.csv", "drops/x/x/a.csv", true),
            ("drops/**/x/*.csv", "drops/x/y/a.csv", false),
            ("d=2026-11-??/*", "d=2026-11-01/part-0.parquet", true),
            ("d=2026-11-??/*", "d=2026-11-1/part-0.parquet", false),
            ("*", ".hidden", false),
            ("**/*.csv", ".tmp/a.csv", false),
            ("a*b*c", "aXbXbXc", true),
            ("a*b*c", "aXbXbX", false),
            ("Zürich-?.csv", "Zürich-ä.csv", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn the_fixed_part_ends_before_the_first_part_with_a_sign() {
        assert_eq!(fixed_part("drops/2026/*.csv"), "drops/2026/");
        assert_eq!(fixed_part("drops/a*b/c.csv"), "drops/");
        assert_eq!(fixed_part("*.csv"), "");
        assert!(!is_pattern("drops/a.csv"));
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let name = "a".repeat(5_000);
        assert!(!matches(&format!("{}b", "*a".repeat(500)), &name));
    }
}
