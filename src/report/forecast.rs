//! Open disputes week by week, and a simple forecast that says how wrong it was.
//!
//! The forecast is the last count plus the middle of the last eight weekly changes. It knows nothing of seasons
//! or invoices; what makes it worth reading is its own error, got by making the same forecast for every earlier
//! week from what was known then.

use serde::Serialize;

use super::Week;

/// Weekly changes that a forecast looks at.
const LOOK_BACK: usize = 8;
/// Fewer changes give none.
const FEWEST: usize = 3;

/// Open disputes and arrivals by week.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Backlog {
    /// The weeks, oldest first.
    pub weeks: Vec<BacklogWeek>,
    /// What the next week may bring; none where too few weeks are known.
    pub forecast: Option<Forecast>,
}

/// One week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BacklogWeek {
    /// The week.
    pub week: Week,
    /// Open disputes after its last run; none where there was no run.
    pub open: Option<usize>,
    /// Disputes opened in it, as that run saw them.
    pub arrivals: Option<usize>,
    /// What would have been forecast for it the week before.
    pub forecast: Option<usize>,
    /// The run that counted them.
    pub run: Option<String>,
}

/// What the next week may bring.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// Open disputes at its end.
    pub open: usize,
    /// Mean error so far, in disputes.
    pub error: Option<usize>,
    /// The same of the forecast that nothing changes.
    pub error_of_no_change: Option<usize>,
    /// Weeks that the errors are of.
    pub judged: usize,
}

/// Judges the forecast by the weeks and makes the next one.
pub(super) fn backlog(weeks: &[(Week, Option<usize>, Option<usize>)]) -> Backlog {
    let known = |place: usize| weeks.get(place).and_then(|(_, open, _)| *open);
    let lines: Vec<BacklogWeek> = weeks
        .iter()
        .enumerate()
        .map(|(place, (week, open, arrivals))| BacklogWeek {
            week: *week,
            open: *open,
            arrivals: *arrivals,
            forecast: expected(&known, place),
            run: None,
        })
        .collect();
    let judged: Vec<(usize, usize)> = lines
        .iter()
        .enumerate()
        .filter_map(|(place, line)| {
            let (open, before) = (line.open?, known(place.checked_sub(1)?)?);
            Some((line.forecast?.abs_diff(open), before.abs_diff(open)))
        })
        .collect();
    let mean = |of: fn(&(usize, usize)) -> usize| {
        (!judged.is_empty()).then(|| (judged.iter().map(of).sum::<usize>() + judged.len() / 2) / judged.len())
    };
    let forecast = expected(&known, weeks.len()).map(|open| Forecast {
        open,
        error: mean(|(own, _)| *own),
        error_of_no_change: mean(|(_, other)| *other),
        judged: judged.len(),
    });
    Backlog { weeks: lines, forecast }
}

/// The forecast for a week from the weeks before it alone.
fn expected(known: &dyn Fn(usize) -> Option<usize>, place: usize) -> Option<usize> {
    let last = known(place.checked_sub(1)?)?;
    let mut changes: Vec<i64> = (place.saturating_sub(LOOK_BACK)..place)
        .filter_map(|week| {
            let (before, after) = (known(week.checked_sub(1)?)?, known(week)?);
            Some(i64::try_from(after).ok()? - i64::try_from(before).ok()?)
        })
        .collect();
    if changes.len() < FEWEST {
        return None;
    }
    changes.sort_unstable();
    let middle = changes.len() / 2;
    let change = if changes.len() % 2 == 1 {
        changes[middle]
    } else {
        i64::midpoint(changes[middle - 1], changes[middle])
    };
    usize::try_from(i64::try_from(last).ok()?.saturating_add(change).max(0)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weeks(open: &[Option<usize>]) -> Vec<(Week, Option<usize>, Option<usize>)> {
        (1..)
            .zip(open)
            .map(|(week, open)| (format!("2026-W{week:02}").parse().unwrap(), *open, None))
            .collect()
    }

    #[test]
    fn a_steady_climb_is_forecast_exactly_and_better_than_no_change() {
        let open: Vec<_> = (0..9).map(|week| Some(100 + 10 * week)).collect();
        let Backlog { forecast, .. } = backlog(&weeks(&open));
        assert_eq!(
            forecast,
            Some(Forecast { open: 190, error: Some(0), error_of_no_change: Some(10), judged: 5 })
        );
    }

    #[test]
    fn the_forecast_for_a_week_does_not_know_that_week() {
        let with = backlog(&weeks(&[Some(1), Some(2), Some(3), Some(4), Some(900)]));
        let without = backlog(&weeks(&[Some(1), Some(2), Some(3), Some(4)]));
        assert_eq!(with.weeks[4].forecast, without.forecast.map(|forecast| forecast.open));
        assert_eq!(with.forecast.and_then(|forecast| forecast.error), Some(895));
    }

    #[test]
    fn too_few_weeks_and_a_last_week_without_a_run_give_none() {
        assert_eq!(backlog(&weeks(&[Some(1), Some(2), Some(3)])).forecast, None);
        assert_eq!(backlog(&weeks(&[Some(1), Some(2), Some(3), Some(4), Some(5), None])).forecast, None);
        assert_eq!(backlog(&[]).forecast, None);
    }
}
