//! Notes: masked, then grouped by wording.
//!
//! The text itself never leaves this file: what the table keeps is the name of a cluster of wordings, made
//! from a hash of the most frequent masked wording in it.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::density::{self, Space};
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

    let wordings = Wordings::new(&order.iter().map(|code| &*values[*code]).collect::<Vec<_>>());
    let weights: Vec<usize> = order.iter().map(|code| counts[*code]).collect();
    let labels = density::dbscan(wordings, &weights, REACH, min_group);

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

/// Distinct wordings as unit vectors of words, weighted by inverse document frequency. The distance is
/// Euclidean; an inverted index finds neighbours exactly.
#[derive(Debug)]
struct Wordings {
    vectors: Vec<Vec<(u32, f64)>>,
    postings: Vec<Vec<(u32, f64)>>,
}

impl Wordings {
    fn new(wordings: &[&str]) -> Self {
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
        let mut postings = vec![Vec::new(); vocabulary.len()];
        let mut vectors = Vec::with_capacity(wordings.len());
        for (position, wording) in wordings.iter().enumerate() {
            let terms: BTreeMap<u32, f64> = wording.split(' ').map(|word| vocabulary[word]).collect();
            let length = terms.values().map(|weight| weight * weight).sum::<f64>().sqrt();
            let vector: Vec<(u32, f64)> =
                terms.into_iter().map(|(term, weight)| (term, weight / length)).collect();
            for (term, weight) in &vector {
                postings[*term as usize].push((position as u32, *weight));
            }
            vectors.push(vector);
        }
        Self { vectors, postings }
    }
}

impl Space for Wordings {
    fn len(&self) -> usize {
        self.vectors.len()
    }

    fn within(&self, point: usize, reach: f64) -> Vec<usize> {
        let mut products: BTreeMap<u32, f64> = BTreeMap::new();
        for (term, weight) in &self.vectors[point] {
            for (other, other_weight) in &self.postings[*term as usize] {
                *products.entry(*other).or_default() += weight * other_weight;
            }
        }
        // |a - b|² = 2 - 2ab for unit vectors; the slack keeps a point at exactly `reach` inside.
        let least = 1.0 - reach * reach / 2.0 - 1e-9;
        products
            .into_iter()
            .filter(|(_, product)| *product >= least)
            .map(|(other, _)| other as usize)
            .collect()
    }
}
