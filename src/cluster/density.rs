//! The only door to linfa: its DBSCAN over sparse unit vectors, with weights and an optional shared-locus
//! rule.
//!
//! linfa's own indexes are not used: its ball tree overflows the stack on repeated points, its k-d tree
//! panics on NaN and counts the boundary differently from the others, and none knows weights. Instead this
//! file implements linfa-nn's `NearestNeighbour` over an inverted index: exact, and a neighbour of weight
//! *w* is returned *w* times (capped at `min_points`), which is how linfa's counting sees the weight.

use std::sync::Arc;

use linfa::{Float, traits::Transformer};
use linfa_clustering::Dbscan;
use linfa_nn::{
    BuildError, NearestNeighbour, NearestNeighbourIndex, NnError,
    distance::{Distance, L2Dist},
};
use ndarray::{Array2, ArrayBase, ArrayView1, ArrayView2, Data, Ix2};

/// A sparse vector of unit length, and the loci of which a neighbour must share at least one (no rule where
/// empty).
#[derive(Debug, Clone)]
pub(super) struct Profile {
    terms: Vec<(u32, f64)>,
    loci: Vec<u32>,
}

impl Profile {
    /// Terms by ascending feature; scaled to unit length here.
    pub(super) fn new(mut terms: Vec<(u32, f64)>, mut loci: Vec<u32>) -> Self {
        let length = terms.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
        if length > 0.0 {
            for (_, weight) in &mut terms {
                *weight /= length;
            }
        }
        loci.sort_unstable();
        Self { terms, loci }
    }
}

/// Labels of linfa's DBSCAN: points within `reach` (Euclidean, at most 2) are neighbours, and a point whose
/// neighbours weigh at least `min_points` together is a core point. `None` is noise.
pub(super) fn dbscan(
    profiles: Vec<Profile>,
    weights: &[usize],
    reach: f64,
    min_points: usize,
) -> Vec<Option<usize>> {
    if profiles.is_empty() {
        return Vec::new();
    }
    let min_points = min_points.max(2);
    // linfa sees one number per point, its position; distances come from the index.
    let points = Array2::from_shape_fn((profiles.len(), 1), |(row, _)| row as f64);
    let repeats = weights.iter().map(|weight| (*weight).clamp(1, min_points)).collect();
    let neighbours = Neighbours(Arc::new(Index::new(profiles, repeats)));
    Dbscan::params_with(min_points, L2Dist, neighbours)
        .tolerance(reach)
        .transform(&points)
        .map(|labels| labels.to_vec())
        .unwrap_or_default()
}

#[derive(Debug)]
struct Index {
    profiles: Vec<Profile>,
    repeats: Vec<usize>,
    postings: Vec<Vec<(u32, f64)>>,
}

impl Index {
    fn new(profiles: Vec<Profile>, repeats: Vec<usize>) -> Self {
        let features = profiles.iter().flat_map(|p| p.terms.iter()).map(|(f, _)| *f + 1).max().unwrap_or(0);
        let mut postings = vec![Vec::new(); features as usize];
        for (point, profile) in profiles.iter().enumerate() {
            for (feature, weight) in &profile.terms {
                postings[*feature as usize].push((point as u32, *weight));
            }
        }
        Self { profiles, repeats, postings }
    }

    /// Points within `reach` of one of the points, itself included.
    fn within(&self, point: usize, reach: f64) -> Vec<usize> {
        let query = &self.profiles[point];
        let mut products = vec![0.0f64; self.profiles.len()];
        let mut touched = Vec::new();
        for (feature, weight) in &query.terms {
            for (other, other_weight) in &self.postings[*feature as usize] {
                let product = &mut products[*other as usize];
                if *product == 0.0 {
                    touched.push(*other as usize);
                }
                *product += weight * other_weight;
            }
        }
        touched.sort_unstable();
        touched.dedup();
        // |a - b|² = 2 - 2ab for unit vectors; the slack keeps a point at exactly `reach` inside.
        let least = 1.0 - reach * reach / 2.0 - 1e-9;
        let mut near: Vec<usize> = touched
            .into_iter()
            .filter(|other| *other != point && products[*other] >= least)
            .filter(|other| query.loci.is_empty() || share(&query.loci, &self.profiles[*other].loci))
            .collect();
        near.push(point);
        near
    }
}

fn share(a: &[u32], b: &[u32]) -> bool {
    a.iter().any(|locus| b.binary_search(locus).is_ok())
}

/// linfa-nn's builder trait over our index.
#[derive(Debug, Clone)]
struct Neighbours(Arc<Index>);

impl NearestNeighbour for Neighbours {
    fn from_batch_with_leaf_size<'a, F: Float, DT: Data<Elem = F>, D: 'a + Distance<F>>(
        &self,
        batch: &'a ArrayBase<DT, Ix2>,
        _leaf_size: usize,
        _dist_fn: D,
    ) -> Result<Box<dyn 'a + Send + Sync + NearestNeighbourIndex<F>>, BuildError> {
        Ok(Box::new(View { index: Arc::clone(&self.0), batch: batch.view() }))
    }
}

struct View<'a, F> {
    index: Arc<Index>,
    batch: ArrayView2<'a, F>,
}

impl<F: Float> View<'_, F> {
    fn position(point: &ArrayView1<'_, F>) -> usize {
        point.first().and_then(num_position).unwrap_or(0)
    }
}

fn num_position<F: Float>(value: &F) -> Option<usize> {
    value.to_usize()
}

impl<F: Float> NearestNeighbourIndex<F> for View<'_, F> {
    fn k_nearest(&self, _: ArrayView1<'_, F>, _: usize) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        // DBSCAN asks for ranges only.
        Ok(Vec::new())
    }

    fn within_range(
        &self,
        point: ArrayView1<'_, F>,
        range: F,
    ) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        let reach = range.to_f64().unwrap_or(0.0);
        let near = self.index.within(Self::position(&point), reach);
        Ok(near
            .into_iter()
            .flat_map(|other| std::iter::repeat_n(other, self.index.repeats[other]))
            .map(|other| (self.batch.row(other), other))
            .collect())
    }
}
