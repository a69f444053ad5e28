//! Durations and dates as manifests write them.

use jiff::civil::Date;
use jiff::{Span, ToSpan};

/// How long something lives. Calendar units stay what they are until they are added to a date.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duration {
    years: i64,
    months: i64,
    days: i64,
    seconds: i64,
}

/// Nothing that is governed lives longer.
const LONGEST: i64 = 1_000;

impl Duration {
    /// Reads `30d`, `12w`, `6mo`, `1y`, `1h`, `15m`, `90s`, or ISO 8601 (`P30D`, `P1Y6M`, `PT1H`).
    pub fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        let mut found = Self::default();
        let (mut time, iso) = (false, text.starts_with(['P', 'p']));
        let mut rest = if iso { text.get(1..)? } else { text };
        if rest.is_empty() {
            return None;
        }
        while !rest.is_empty() {
            if iso && !time && rest.starts_with(['T', 't']) {
                time = true;
                rest = rest.get(1..)?;
                if rest.is_empty() {
                    return None;
                }
                continue;
            }
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, after) = rest.split_at_checked(digits)?;
            let letters = if iso { 1 } else { after.bytes().take_while(u8::is_ascii_alphabetic).count() };
            let (unit, next) = after.split_at_checked(letters)?;
            let n: i64 = number.parse().ok().filter(|n| *n <= 366 * LONGEST * 24)?;
            match (unit.to_ascii_lowercase().as_str(), iso, time) {
                ("y", _, false) => found.years = n,
                ("m", true, false) | ("mo", false, _) => found.months = n,
                ("w", _, false) => found.days += 7 * n,
                ("d", _, false) => found.days += n,
                ("h", true, true) | ("h", false, _) => found.seconds += 3600 * n,
                ("m", true, true) | ("m" | "min", false, _) => found.seconds += 60 * n,
                ("s", true, true) | ("s", false, _) => found.seconds += n,
                _ => return None,
            }
            rest = next;
        }
        (found.years <= LONGEST && found.months <= 12 * LONGEST && found.days <= 366 * LONGEST).then_some(found)
    }

    /// Its length, a year taken as 365 days and a month as 30: enough to hold it against a limit.
    pub fn seconds(self) -> i64 {
        (self.years * 365 + self.months * 30 + self.days) * 86_400 + self.seconds
    }

    /// The day it ends when it begins on `date`; part of a day counts as a day.
    pub fn after(self, date: Date) -> Option<Date> {
        let days = self.days + (self.seconds + 86_399) / 86_400;
        let span: Span = self.years.years().months(self.months).days(days);
        date.checked_add(span).ok()
    }
}

/// A date as `YYYY-MM-DD`, with or without a time behind it.
pub fn date(text: &str) -> Option<Date> {
    text.get(..10)?.parse().ok().filter(|_| text.len() == 10 || text.get(10..11) == Some("T"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_in_both_ways_of_writing() {
        let days = |text: &str| Duration::read(text).map(|found| found.seconds() / 86_400);
        assert_eq!(
            [days("30d"), days("12w"), days("1y"), days("P30D"), days("P1Y6M")],
            [30, 84, 365, 30, 545].map(Some)
        );
        assert_eq!(Duration::read("1h").map(Duration::seconds), Some(3600));
        assert_eq!(Duration::read("PT90M").map(Duration::seconds), Some(5400));
        for wrong in ["", "30", "d", "P", "PT", "1x", "-3d", "P1H", "99999999999999999999d", "é"] {
            assert_eq!(Duration::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn years_and_months_follow_the_calendar() {
        let from = Date::constant(2024, 2, 1);
        assert_eq!(Duration::read("1y").unwrap().after(from), Some(Date::constant(2025, 2, 1)));
        assert_eq!(Duration::read("30d").unwrap().after(Date::constant(2026, 2, 1)), Some(Date::constant(2026, 3, 3)));
        assert_eq!(date("2026-02-01T00:00:00Z"), date("2026-02-01"));
        assert_eq!(date("2026-2-1"), None);
    }
}
