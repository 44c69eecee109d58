//! Notes: masked, then grouped by wording, widely and narrowly.
//!
//! The text itself never leaves this file: what the table keeps is the name of a cluster of wordings, made
//! from a hash of the most frequent masked wording in it.
//!
//! Rare words (names, typing errors) are dropped first; without them the many ways to write one thing become
//! few sets of words. Sets that several notes have are *prototypes*: linfa's DBSCAN joins prototypes that are
//! alike, and each rarer set joins the prototype nearest to it. Rare sets take no part in the density, since
//! a mistyped note between two wordings would bridge them (measured: one cluster of strangers).

use rayon::prelude::*;
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};

use super::density::{self, Space};
use crate::dispute::Text;

/// Most prototypes: the most frequent sets of words.
const MAX_PROTOTYPES: usize = 6_000;
/// Words that one note in so many has are those of correspondence, and left out where three others remain; of fewer than
/// several notes nobody can tell.
const COMMON: usize = 20;
const SEVERAL: usize = 200;
/// Largest distance within a wide and within a narrow cluster, between unit vectors (1.0 is an angle of 60
/// degrees).
const REACH: [f32; 2] = [0.8, 0.45];

/// Word vectors, such as a static embedding table gives: two wordings are as near as the means of their
/// words' vectors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Embedding {
    dimensions: usize,
    vectors: FxHashMap<String, Vec<f32>>,
}

/// Why a text is no table of word vectors.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EmbeddingError {
    /// A line with another number of values than the first one, or a value that is no finite number.
    #[error("line {line}: expected a word and {expected} finite numbers, found {found}")]
    Line {
        /// From 1.
        line: usize,
        /// Numbers expected.
        expected: usize,
        /// What stands there.
        found: String,
    },
    /// No line at all.
    #[error("expected a word and its numbers on each line, found an empty file")]
    Empty,
}

impl Embedding {
    /// Reads word vectors as text: a word and its numbers on each line, separated by spaces (the format of
    /// `GloVe` and of word2vec's text files; a first line with two whole numbers is a header).
    pub fn parse(text: &str) -> Result<Self, EmbeddingError> {
        let mut embedding = Self::default();
        for (place, line) in text.lines().enumerate() {
            let mut parts = line.split_whitespace();
            let Some(word) = parts.next() else { continue };
            let numbers: Vec<Option<f32>> =
                parts.map(|part| part.parse().ok().filter(|number: &f32| number.is_finite())).collect();
            if place == 0 && numbers.len() == 1 && word.bytes().all(|byte| byte.is_ascii_digit()) {
                continue;
            }
            if embedding.dimensions == 0 {
                embedding.dimensions = numbers.len();
            }
            let vector: Option<Vec<f32>> = numbers.iter().copied().collect();
            match vector {
                Some(vector) if !vector.is_empty() && vector.len() == embedding.dimensions => {
                    embedding.vectors.insert(word.to_lowercase(), vector);
                }
                vector => {
                    return Err(EmbeddingError::Line {
                        line: place + 1,
                        expected: embedding.dimensions.max(1),
                        found: match vector {
                            Some(vector) => format!("{} numbers", vector.len()),
                            None => "something that is no number".to_owned(),
                        },
                    });
                }
            }
        }
        if embedding.vectors.is_empty() { Err(EmbeddingError::Empty) } else { Ok(embedding) }
    }
}

/// Lower case words without anything that holds a digit: `Rx 123 UOM ML/EA` becomes `rx uom ml ea`.
pub(super) fn mask(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        if word.is_empty() || word.chars().any(|c| c.is_ascii_digit()) {
            continue;
        }
        if !masked.is_empty() {
            masked.push(' ');
        }
        if word.is_ascii() {
            masked.extend(word.bytes().map(|byte| byte.to_ascii_lowercase() as char));
        } else {
            masked.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    masked
}

/// Names of the wide and the narrow cluster of every wording (`values[0]` is the missing note), empty where
/// it stands alone.
pub(super) fn cluster(
    values: &[Text],
    codes: &[u32],
    min_group: usize,
    embedding: Option<&Embedding>,
) -> (Vec<String>, Vec<String>) {
    let mut rows = vec![0usize; values.len()];
    for code in codes {
        rows[*code as usize] += 1;
    }
    let noted: usize = rows.iter().skip(1).sum();
    let sets = Sets::new(values, &rows, 4.max(noted / 20_000));
    let least = min_group.max(noted / 10_000);
    let prototypes = sets.sets.iter().take_while(|set| set.rows >= least).count().min(MAX_PROTOTYPES);
    let vectors = match embedding {
        Some(embedding) => sets.embedded(embedding),
        None => sets.weighted(),
    };
    let postings = Postings::new(&vectors[..prototypes]);
    // The nearest one within the wide reach is that within the narrow one, if there is any.
    let nearest: Vec<Option<(u32, f32)>> = vectors[prototypes..]
        .par_iter()
        .map(|vector| postings.nearest(vector, least_product(REACH[0])))
        .collect();
    let [wide, narrow] = REACH.map(|reach| {
        let least = least_product(reach);
        let within = nearest.iter().map(|nearest| nearest.filter(|(_, product)| *product >= least));
        let own = (0..prototypes as u32).map(Some);
        let nearest = own.chain(within.map(|nearest| nearest.map(|(prototype, _)| prototype)));
        sets.names(Prototypes::new(&postings, &vectors[..prototypes], reach), nearest, reach, values.len())
    });
    (wide, narrow)
}

/// Wordings that have the same frequent words.
#[derive(Debug)]
struct Set<'a> {
    words: Vec<&'a str>,
    rows: usize,
    wordings: Vec<usize>,
}

/// Sets of frequent words, the one with most rows first.
#[derive(Debug)]
struct Sets<'a> {
    sets: Vec<Set<'a>>,
    rows_of_word: FxHashMap<&'a str, usize>,
}

impl<'a> Sets<'a> {
    /// Words that fewer than `least` rows have are dropped.
    fn new(values: &'a [Text], rows: &[usize], least: usize) -> Self {
        let words = |wording: usize| -> Vec<&'a str> {
            let mut words: Vec<&str> = values[wording].split(' ').collect();
            words.sort_unstable();
            words.dedup();
            words
        };
        let mut rows_of_word: FxHashMap<&str, usize> = FxHashMap::default();
        for (wording, rows) in rows.iter().enumerate().skip(1) {
            for word in words(wording) {
                *rows_of_word.entry(word).or_default() += rows;
            }
        }
        rows_of_word.retain(|_, rows| *rows >= least);
        let noted = rows.iter().skip(1).sum::<usize>();
        let common = noted / COMMON;
        let mut places: FxHashMap<Vec<&str>, usize> = FxHashMap::default();
        let mut sets: Vec<Set<'a>> = Vec::new();
        for (wording, rows) in rows.iter().enumerate().skip(1) {
            let mut words = words(wording);
            words.retain(|word| rows_of_word.contains_key(word));
            if words.is_empty() {
                continue;
            }
            let telling = |word: &&str| rows_of_word[word] <= common || noted < SEVERAL;
            if words.iter().filter(|word| telling(word)).count() >= 3 {
                words.retain(telling);
            }
            let place = *places.entry(words).or_insert_with_key(|words| {
                sets.push(Set { words: words.clone(), rows: 0, wordings: Vec::new() });
                sets.len() - 1
            });
            sets[place].rows += rows;
            sets[place].wordings.push(wording);
        }
        sets.sort_unstable_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.words.cmp(&b.words)));
        Self { sets, rows_of_word }
    }

    /// Unit vectors over the words, weighted by inverse document frequency over the rows.
    fn weighted(&self) -> Vec<Vec<(u32, f32)>> {
        let noted: usize = self.sets.iter().map(|set| set.rows).sum();
        let mut vocabulary: Vec<(&str, usize)> =
            self.rows_of_word.iter().map(|(word, rows)| (*word, *rows)).collect();
        vocabulary.sort_unstable();
        let places: FxHashMap<&str, (u32, f32)> = vocabulary
            .into_iter()
            .enumerate()
            .map(|(place, (word, rows))| {
                (word, (place as u32, ((1 + noted) as f32 / rows as f32).ln().max(0.05)))
            })
            .collect();
        self.sets.iter().map(|set| unit(set.words.iter().map(|word| places[word]).collect())).collect()
    }

    /// Unit vectors of the means of the words' vectors; no vector where no word is known.
    fn embedded(&self, embedding: &Embedding) -> Vec<Vec<(u32, f32)>> {
        self.sets
            .iter()
            .map(|set| {
                let mut sum = vec![0f32; embedding.dimensions];
                for vector in set.words.iter().filter_map(|word| embedding.vectors.get(*word)) {
                    for (sum, value) in sum.iter_mut().zip(vector) {
                        *sum += value;
                    }
                }
                let dense = sum.into_iter().enumerate().filter(|(_, value)| *value != 0.0);
                unit(dense.map(|(place, value)| (place as u32, value)).collect())
            })
            .collect()
    }

    /// Names of the wordings. `nearest`: the prototype of each set, those of the prototypes first.
    fn names(
        &self,
        space: Prototypes,
        nearest: impl Iterator<Item = Option<u32>>,
        reach: f32,
        wordings: usize,
    ) -> Vec<String> {
        let weights: Vec<usize> = self.sets[..space.len()].iter().map(|set| set.rows).collect();
        let labels = density::dbscan(space, &weights, f64::from(reach), 2);
        // The first prototype of a label is its most frequent one.
        let mut names: FxHashMap<usize, String> = FxHashMap::default();
        for (set, label) in labels.iter().enumerate() {
            if let Some(label) = label {
                names.entry(*label).or_insert_with(|| name(&self.sets[set].words.join(" ")));
            }
        }
        let mut answer = vec![String::new(); wordings];
        for (set, nearest) in self.sets.iter().zip(nearest) {
            let label = nearest.and_then(|prototype| labels[prototype as usize]);
            if let Some(name) = label.and_then(|label| names.get(&label)) {
                for wording in &set.wordings {
                    answer[*wording].clone_from(name);
                }
            }
        }
        answer
    }
}

fn unit(mut vector: Vec<(u32, f32)>) -> Vec<(u32, f32)> {
    let length = vector.iter().map(|(_, weight)| weight * weight).sum::<f32>().sqrt();
    for (_, weight) in &mut vector {
        *weight /= length;
    }
    vector
}

fn name(wording: &str) -> String {
    let digest = Sha256::digest(wording.as_bytes());
    format!("wording-{}", hex::encode(&digest[..4]))
}

/// Smallest product of two unit vectors that are near: |a - b|² = 2 - 2ab; the slack keeps a point at exactly `reach`
/// inside.
fn least_product(reach: f32) -> f32 {
    1.0 - reach * reach / 2.0 - 1e-5
}

/// Prototypes as unit vectors, by term. The distance is Euclidean; such an inverted index finds neighbours exactly.
#[derive(Debug)]
struct Postings {
    lists: Vec<Vec<(u32, f32)>>,
    count: usize,
}

impl Postings {
    fn new(vectors: &[Vec<(u32, f32)>]) -> Self {
        let dimensions = vectors.iter().flatten().map(|(term, _)| *term as usize + 1).max().unwrap_or(0);
        let mut lists = vec![Vec::new(); dimensions];
        for (place, vector) in vectors.iter().enumerate() {
            for (term, weight) in vector {
                lists[*term as usize].push((place as u32, *weight));
            }
        }
        Self { lists, count: vectors.len() }
    }

    /// Products with every prototype that has a term in common.
    fn products(&self, vector: &[(u32, f32)]) -> Vec<(u32, f32)> {
        let mut products = vec![0f32; self.count];
        let mut touched: Vec<u32> = Vec::new();
        for (term, weight) in vector {
            for (other, other_weight) in self.lists.get(*term as usize).into_iter().flatten() {
                if products[*other as usize] == 0.0 {
                    touched.push(*other);
                }
                products[*other as usize] += weight * other_weight;
            }
        }
        touched.sort_unstable();
        touched.dedup();
        touched.into_iter().map(|other| (other, products[other as usize])).collect()
    }

    /// The nearest prototype and the product with it, which is at least `least`; the more frequent one among equals.
    fn nearest(&self, vector: &[(u32, f32)], least: f32) -> Option<(u32, f32)> {
        self.products(vector)
            .into_iter()
            .filter(|(_, product)| *product >= least)
            .max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))
    }
}

/// Prototypes with the lists of who is near whom.
#[derive(Debug)]
struct Prototypes(Vec<Vec<u32>>);

impl Prototypes {
    fn new(postings: &Postings, vectors: &[Vec<(u32, f32)>], reach: f32) -> Self {
        let least = least_product(reach);
        let near = |(place, vector): (usize, &Vec<(u32, f32)>)| {
            let mut near: Vec<u32> = postings
                .products(vector)
                .into_iter()
                .filter(|(_, product)| *product >= least)
                .map(|(other, _)| other)
                .collect();
            near.push(place as u32);
            near.sort_unstable();
            near.dedup();
            near
        };
        Self(vectors.par_iter().enumerate().map(near).collect())
    }
}

impl Space for Prototypes {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn within(&self, point: usize, _reach: f64) -> Vec<usize> {
        self.0[point].iter().map(|other| *other as usize).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_vectors_join_wordings_that_have_no_word_in_common() {
        let values: Vec<Text> =
            ["", "refill early", "dispensed soon", "decimal shifted"].map(Text::from).to_vec();
        let codes: Vec<u32> = (1..4).flat_map(|code| [code; 6]).collect();
        let (by_words, _) = cluster(&values, &codes, 4, None);
        assert_ne!(by_words[1], by_words[2]);
        let table = "refill 1 0\nearly 1 0.1\ndispensed 1 0\nsoon 1 0.1\ndecimal 0 1\nshifted 0.1 1\n";
        let embedding = Embedding::parse(table).unwrap();
        let (by_meaning, _) = cluster(&values, &codes, 4, Some(&embedding));
        assert!(!by_meaning[1].is_empty() && by_meaning[1] == by_meaning[2]);
        assert_ne!(by_meaning[1], by_meaning[3]);
    }

    #[test]
    fn the_words_of_correspondence_around_a_wording_do_not_make_another_of_it() {
        let around =
            ["second request", "per review", "see ticket", "second ticket", "see review", "per request"];
        let noted = around.map(|words| Text::from(format!("{words} remittance template retired")));
        let others = around
            .iter()
            .flat_map(|words| (0..40).map(move |other| format!("{words} other{other} thing{other}")));
        let values: Vec<Text> =
            std::iter::once(Text::from("")).chain(noted).chain(others.map(Text::from)).collect();
        // Once each, so that no wording has company of its own.
        let codes: Vec<u32> = (1..values.len() as u32).collect();
        let (wide, narrow) = cluster(&values, &codes, 4, None);
        assert!(!wide[1].is_empty() && wide[1..=6].iter().all(|name| *name == wide[1]), "{:?}", &wide[1..=6]);
        assert!(narrow[1..=6].iter().all(|name| *name == narrow[1]));
    }

    #[test]
    fn a_line_with_another_number_of_values_is_told() {
        let error = Embedding::parse("2 2\nrefill 1 0\nearly 1\n").unwrap_err();
        assert_eq!(error.to_string(), "line 3: expected a word and 2 finite numbers, found 1 numbers");
        assert_eq!(Embedding::parse(""), Err(EmbeddingError::Empty));
    }
}
