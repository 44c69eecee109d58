//! The only door to linfa: its DBSCAN over any space that can name a point's neighbours, with weights.
//!
//! linfa's own indexes are not used: its ball tree overflows the stack on repeated points, its k-d tree
//! panics on NaN and counts the boundary differently from the others, and none knows weights. Instead this
//! file implements linfa-nn's `NearestNeighbour` over a [`Space`]: exact, and a neighbour of weight *w* is
//! returned *w* times (capped at `min_points`), which is how linfa's counting sees the weight.

use std::sync::Arc;

use linfa::{Float, traits::Transformer};
use linfa_clustering::Dbscan;
use linfa_nn::{
    BuildError, NearestNeighbour, NearestNeighbourIndex, NnError,
    distance::{Distance, L2Dist},
};
use ndarray::{Array2, ArrayBase, ArrayView1, ArrayView2, Data, Ix2};

/// Points with a symmetric notion of being near.
pub(super) trait Space: std::fmt::Debug + Send + Sync + Unpin + 'static {
    /// Number of points.
    fn len(&self) -> usize;
    /// Points within `reach` of one of them, itself included, without repeats.
    fn within(&self, point: usize, reach: f64) -> Vec<usize>;
}

/// Labels of linfa's DBSCAN: a point whose neighbours within `reach` weigh at least `min_points` together is
/// a core point. `None` is noise.
pub(super) fn dbscan(
    space: impl Space,
    weights: &[usize],
    reach: f64,
    min_points: usize,
) -> Vec<Option<usize>> {
    if space.len() == 0 {
        return Vec::new();
    }
    let min_points = min_points.max(2);
    // linfa sees one number per point, its position; nearness comes from the space.
    let points = Array2::from_shape_fn((space.len(), 1), |(row, _)| row as f64);
    let repeats = weights.iter().map(|weight| (*weight).clamp(1, min_points)).collect();
    let neighbours = Neighbours(Arc::new(Weighted { space: Box::new(space), repeats }));
    Dbscan::params_with(min_points, L2Dist, neighbours)
        .tolerance(reach)
        .transform(&points)
        // Parameters that linfa refuses find nothing.
        .map_or_else(|_| vec![None; weights.len()], |labels| labels.to_vec())
}

#[derive(Debug)]
struct Weighted {
    space: Box<dyn Space>,
    repeats: Vec<usize>,
}

/// linfa-nn's builder trait over a space.
#[derive(Debug, Clone)]
struct Neighbours(Arc<Weighted>);

impl NearestNeighbour for Neighbours {
    fn from_batch_with_leaf_size<'a, F: Float, DT: Data<Elem = F>, D: 'a + Distance<F>>(
        &self,
        batch: &'a ArrayBase<DT, Ix2>,
        _leaf_size: usize,
        _dist_fn: D,
    ) -> Result<Box<dyn 'a + Send + Sync + NearestNeighbourIndex<F>>, BuildError> {
        Ok(Box::new(Index { weighted: Arc::clone(&self.0), batch: batch.view() }))
    }
}

struct Index<'a, F> {
    weighted: Arc<Weighted>,
    batch: ArrayView2<'a, F>,
}

impl<F: Float> NearestNeighbourIndex<F> for Index<'_, F> {
    fn k_nearest(&self, _: ArrayView1<'_, F>, _: usize) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        // DBSCAN asks for ranges only.
        Ok(Vec::new())
    }

    fn within_range(
        &self,
        point: ArrayView1<'_, F>,
        range: F,
    ) -> Result<Vec<(ArrayView1<'_, F>, usize)>, NnError> {
        let position = point.first().and_then(F::to_usize).ok_or(NnError::WrongDimension)?;
        let reach = range.to_f64().unwrap_or(0.0);
        Ok(self
            .weighted
            .space
            .within(position, reach)
            .into_iter()
            .flat_map(|other| std::iter::repeat_n(other, self.weighted.repeats[other]))
            .map(|other| (self.batch.row(other), other))
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points on a line.
    #[derive(Debug)]
    struct Line(Vec<f64>);

    impl Space for Line {
        fn len(&self) -> usize {
            self.0.len()
        }

        fn within(&self, point: usize, reach: f64) -> Vec<usize> {
            (0..self.0.len()).filter(|other| (self.0[*other] - self.0[point]).abs() <= reach).collect()
        }
    }

    #[test]
    fn points_at_exactly_the_reach_are_neighbours() {
        assert_eq!(
            dbscan(Line(vec![0.0, 1.0, 2.0, 9.0]), &[1, 1, 1, 1], 1.0, 2),
            [Some(0), Some(0), Some(0), None]
        );
    }

    #[test]
    fn weights_count_like_repeated_points() {
        assert_eq!(dbscan(Line(vec![0.0, 9.0]), &[4, 3], 1.0, 4), [Some(0), None]);
    }

    #[test]
    fn many_repeats_of_one_point_cost_one_point() {
        assert_eq!(dbscan(Line(vec![0.0]), &[1_000_000], 1.0, 4), [Some(0)]);
    }
}
