//! The days and quarters that sample disputes speak of: 2023-10-01 to 2027-12-31.
//!
//! Days and quarters are numbered from the first one, so quarter 0 is 2023Q4. A table instead of arithmetic: rows ask for five dates each.

use jiff::civil::{Date, date};

/// 2026-11-09, a Monday: the day of the first extract.
pub(super) const TODAY: usize = 1135;

/// Dates as text.
#[derive(Debug, Clone)]
pub(super) struct Calendar {
    days: Vec<String>,
    quarter_starts: Vec<usize>,
}

impl Calendar {
    pub(super) fn new() -> Self {
        let (mut days, mut quarter_starts) = (Vec::new(), Vec::new());
        let mut day: Date = date(2023, 10, 1);
        while day < date(2028, 1, 1) {
            if day.day() == 1 && day.month() % 3 == 1 {
                quarter_starts.push(days.len());
            }
            days.push(day.to_string());
            let Ok(next) = day.tomorrow() else { break };
            day = next;
        }
        Self { days, quarter_starts }
    }

    /// `2026-11-09`; the last known day for a number past the end.
    pub(super) fn text(&self, day: usize) -> &str {
        self.days.get(day).or(self.days.last()).map_or("", String::as_str)
    }

    /// First day of a quarter.
    pub(super) fn quarter_start(&self, quarter: usize) -> usize {
        self.quarter_starts.get(quarter).copied().unwrap_or(self.days.len())
    }

    /// The quarter that a day is in.
    pub(super) fn quarter_of(&self, day: usize) -> usize {
        self.quarter_starts.partition_point(|&start| start <= day).saturating_sub(1)
    }
}

/// `2026Q3` for quarter 11.
pub(super) fn quarter_text(quarter: usize) -> String {
    let (year, number) = year_and_quarter(quarter);
    format!("{year}Q{number}")
}

/// Year, and quarter of the year from 1.
pub(super) fn year_and_quarter(quarter: usize) -> (usize, usize) {
    (2023 + quarter.div_ceil(4), (quarter + 3) % 4 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_days_and_quarters_from_the_fourth_quarter_of_2023() {
        let calendar = Calendar::new();
        assert_eq!(calendar.text(0), "2023-10-01");
        assert_eq!(calendar.text(TODAY), "2026-11-09");
        assert_eq!(calendar.text(calendar.quarter_start(11)), "2026-07-01");
        assert_eq!(calendar.quarter_of(calendar.quarter_start(11)), 11);
        assert_eq!(calendar.quarter_of(calendar.quarter_start(11) - 1), 10);
        assert_eq!((quarter_text(0).as_str(), quarter_text(11).as_str()), ("2023Q4", "2026Q3"));
    }
}
