//! Notes: masked, then grouped by wording.
//!
//! The text itself never leaves this file: what the table keeps is the name of a cluster of wordings, made
//! from a hash of the most frequent masked wording in it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::density::{self, Profile};
use crate::dispute::Text;

/// Most distinct wordings that are compared with each other; rarer ones stay alone.
const MAX_WORDINGS: usize = 20_000;
/// Largest distance between two wordings of one cluster (unit vectors: 1.0 is an angle of 60 degrees).
const REACH: f64 = 0.95;

/// Lower case words without anything that holds a digit: `Rx 123 UOM ML/EA` becomes `rx uom ml ea`.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::new();
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if word.is_empty() || word.chars().any(|c| c.is_ascii_digit()) {
            continue;
        }
        if !masked.is_empty() {
            masked.push(' ');
        }
        masked.extend(word.chars().flat_map(char::to_lowercase));
    }
    masked
}

/// Name of the cluster of every wording (`values[0]` is the missing note), none where it stands alone.
pub(super) fn cluster(values: &[Text], codes: &[u32], min_group: usize) -> Vec<Option<String>> {
    let mut counts = vec![0usize; values.len()];
    for code in codes {
        counts[*code as usize] += 1;
    }
    let mut order: Vec<usize> = (1..values.len()).collect();
    order.sort_by(|a, b| counts[*b].cmp(&counts[*a]).then_with(|| values[*a].cmp(&values[*b])));
    order.truncate(MAX_WORDINGS);

    let profiles = profiles(&order.iter().map(|code| &*values[*code]).collect::<Vec<_>>());
    let weights: Vec<usize> = order.iter().map(|code| counts[*code]).collect();
    let labels = density::dbscan(profiles, &weights, REACH, min_group);

    // The first wording of a label is its most frequent one, as `order` is by frequency.
    let mut names: BTreeMap<usize, String> = BTreeMap::new();
    let mut answer = vec![None; values.len()];
    for (position, label) in labels.iter().enumerate() {
        let Some(label) = label else { continue };
        let name = names.entry(*label).or_insert_with(|| name(&values[order[position]]));
        answer[order[position]] = Some(name.clone());
    }
    answer
}

fn name(wording: &str) -> String {
    let digest = Sha256::digest(wording.as_bytes());
    format!("wording-{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

/// Words weighted by inverse document frequency over the distinct wordings.
fn profiles(wordings: &[&str]) -> Vec<Profile> {
    let mut frequency: BTreeMap<&str, usize> = BTreeMap::new();
    for wording in wordings {
        for word in wording.split(' ').collect::<BTreeSet<_>>() {
            *frequency.entry(word).or_default() += 1;
        }
    }
    let vocabulary: BTreeMap<&str, (u32, f64)> = frequency
        .iter()
        .enumerate()
        .map(|(index, (word, count))| {
            (*word, (index as u32, ((1 + wordings.len()) as f64 / *count as f64).ln().max(0.05)))
        })
        .collect();
    wordings
        .iter()
        .map(|wording| {
            let mut terms: BTreeMap<u32, f64> = BTreeMap::new();
            for word in wording.split(' ') {
                let (index, weight) = vocabulary[word];
                terms.insert(index, weight);
            }
            Profile::new(terms.into_iter().collect(), Vec::new())
        })
        .collect()
}
