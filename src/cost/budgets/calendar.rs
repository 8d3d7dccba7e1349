//! Days and months of a time zone.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::amounts::Period;

/// The periods that hold one moment, as numbers: days since 1970, months since the year 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) day: i32,
    pub(super) month: i32,
}

/// Which day and month it is.
#[derive(Debug)]
pub(super) struct Calendar {
    zone: TimeZone,
    /// The day that was asked for last, and when it begins and ends: most questions are of it.
    last: (Place, u64, u64),
}

const EPOCH: Date = Date::constant(1970, 1, 1);

impl Calendar {
    pub(super) fn new(zone: TimeZone) -> Self {
        Self { zone, last: (Place { day: 0, month: 0 }, 0, 0) }
    }

    /// The periods that hold a moment, in nanoseconds since the Unix epoch.
    pub(super) fn place(&mut self, at_ns: u64) -> Place {
        let (place, from, to) = self.last;
        if (from..to).contains(&at_ns) {
            return place;
        }
        let at = Timestamp::from_nanosecond(i128::from(at_ns)).unwrap_or(Timestamp::MAX);
        let date = self.zone.to_datetime(at).date();
        let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
        let place = Place { day: day_number(date), month };
        let (from, to) = self.bounds(Period::Daily, place.day);
        self.last = (place, from, to);
        place
    }

    /// When a period begins and when the next one does, in nanoseconds since the Unix epoch.
    pub(super) fn bounds(&self, period: Period, number: i32) -> (u64, u64) {
        let (first, next) = match period {
            Period::Daily => (date_of(number), date_of(number.saturating_add(1))),
            Period::Monthly => (month_of(number), month_of(number.saturating_add(1))),
        };
        (self.begins(first), self.begins(next))
    }

    /// The first moment of a date. Where clocks skip midnight it is the first time that exists;
    /// where midnight comes twice, the earlier.
    fn begins(&self, date: Date) -> u64 {
        let midnight = date.to_datetime(Time::midnight());
        let begins = self.zone.to_ambiguous_timestamp(midnight).compatible();
        let nanos = begins.map_or(i128::MAX, Timestamp::as_nanosecond);
        u64::try_from(nanos.max(0)).unwrap_or(u64::MAX)
    }
}

impl Place {
    pub(super) fn of(self, period: Period) -> i32 {
        match period {
            Period::Daily => self.day,
            Period::Monthly => self.month,
        }
    }
}

fn day_number(date: Date) -> i32 {
    EPOCH.until(date).map_or(i32::MAX, |span| span.get_days())
}

fn date_of(day: i32) -> Date {
    let days = Span::new().try_days(day);
    days.and_then(|days| EPOCH.checked_add(days)).unwrap_or(Date::MAX)
}

fn month_of(month: i32) -> Date {
    let year = i16::try_from(month.div_euclid(12)).unwrap_or(i16::MAX);
    Date::new(year, (month.rem_euclid(12) + 1) as i8, 1).unwrap_or(Date::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> u64 {
        text.parse::<Timestamp>().unwrap().as_nanosecond() as u64
    }

    fn calendar(zone: &str) -> Calendar {
        Calendar::new(TimeZone::get(zone).unwrap())
    }

    /// In `zone`, the day and the month that hold `moment` begin and end then.
    fn check(zone: &str, moment: &str, day: [&str; 2], month: [&str; 2]) {
        let mut calendar = calendar(zone);
        let place = calendar.place(at(moment));
        for (period, expected) in [(Period::Daily, day), (Period::Monthly, month)] {
            let (from, to) = calendar.bounds(period, place.of(period));
            assert_eq!(
                (from, to),
                (at(expected[0]), at(expected[1])),
                "{zone} {moment} {period:?}"
            );
            assert!((from..to).contains(&at(moment)), "{zone} {moment} {period:?}");
            // The moments at both ends belong to this period and to the next.
            assert_eq!(calendar.place(from).of(period), place.of(period));
            assert_eq!(calendar.place(to - 1).of(period), place.of(period));
            assert_ne!(calendar.place(to).of(period), place.of(period));
        }
    }

    #[test]
    fn days_and_months_begin_when_people_say_so() {
        let year = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"];
        check(
            "UTC",
            "2026-01-15T12:00:00Z",
            ["2026-01-15T00:00:00Z", "2026-01-16T00:00:00Z"],
            year,
        );
        check(
            "UTC",
            "2026-01-31T23:59:59Z",
            ["2026-01-31T00:00:00Z", "2026-02-01T00:00:00Z"],
            year,
        );
        // 23 and 25 hours.
        let march = ["2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"];
        let spring = ["2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"];
        check("Europe/Berlin", "2026-03-29T12:00:00Z", spring, march);
        let october = ["2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z"];
        let autumn = ["2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"];
        check("Europe/Berlin", "2026-10-25T01:30:00Z", autumn, october);
        // A leap day, and a year's end.
        let february = ["2028-02-01T00:00:00Z", "2028-03-01T00:00:00Z"];
        check(
            "UTC",
            "2028-02-29T05:00:00Z",
            ["2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"],
            february,
        );
        let december = ["2026-12-01T05:00:00Z", "2027-01-01T05:00:00Z"];
        let last = ["2026-12-31T05:00:00Z", "2027-01-01T05:00:00Z"];
        check("America/New_York", "2027-01-01T04:59:59Z", last, december);
        // 14 hours before and 12 behind UTC: nearly a day and a half apart.
        let kiritimati = ["2026-01-31T10:00:00Z", "2026-02-01T10:00:00Z"];
        let its_month = ["2026-01-31T10:00:00Z", "2026-02-28T10:00:00Z"];
        check("Pacific/Kiritimati", "2026-01-31T10:00:00Z", kiritimati, its_month);
        let dateline = ["2026-01-30T12:00:00Z", "2026-01-31T12:00:00Z"];
        let of_dateline = ["2026-01-01T12:00:00Z", "2026-02-01T12:00:00Z"];
        check("Etc/GMT+12", "2026-01-31T10:00:00Z", dateline, of_dateline);
        let nepal = ["2026-06-14T18:15:00Z", "2026-06-15T18:15:00Z"];
        check(
            "Asia/Kathmandu",
            "2026-06-15T00:00:00Z",
            nepal,
            ["2026-05-31T18:15:00Z", "2026-06-30T18:15:00Z"],
        );
        // Clocks that skip midnight, and a midnight that comes twice.
        let beirut = ["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"];
        check(
            "Asia/Beirut",
            "2026-03-29T10:00:00Z",
            beirut,
            ["2026-02-28T22:00:00Z", "2026-03-31T21:00:00Z"],
        );
        let havana = ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"];
        check(
            "America/Havana",
            "2026-11-01T05:30:00Z",
            havana,
            ["2026-11-01T04:00:00Z", "2026-12-01T05:00:00Z"],
        );
    }

    #[test]
    fn a_day_that_was_skipped_is_no_day() {
        // Samoa went over the date line: there was no 30 December 2011.
        let samoa = ["2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"];
        let december = ["2011-12-01T10:00:00Z", "2011-12-31T10:00:00Z"];
        check("Pacific/Apia", "2011-12-30T09:59:59Z", samoa, december);
    }

    #[test]
    fn every_hour_of_years_belongs_to_exactly_one_day_and_days_follow_one_another() {
        for zone in ["Europe/Berlin", "America/Sao_Paulo", "Australia/Lord_Howe", "Asia/Tehran"] {
            let mut calendar = calendar(zone);
            let mut last = calendar.place(at("2016-01-01T00:00:00Z"));
            for hour in 0..4 * 366 * 24 {
                let now = at("2016-01-01T00:00:00Z") + hour * 3_600_000_000_000;
                let place = calendar.place(now);
                assert!((0..=1).contains(&(place.day - last.day)), "{zone} {now}");
                assert!((0..=1).contains(&(place.month - last.month)), "{zone} {now}");
                last = place;
            }
        }
    }

    #[test]
    fn absurd_times_have_a_place() {
        let mut calendar = calendar("Asia/Tokyo");
        for at in [0, 1, u64::MAX - 1, u64::MAX] {
            let place = calendar.place(at);
            for period in Period::ALL {
                let (from, to) = calendar.bounds(period, place.of(period));
                assert!(from <= at && at <= to, "{at}: {from} {to}");
            }
        }
        for number in [i32::MIN, -1, i32::MAX] {
            let _ = calendar.bounds(Period::Daily, number);
            let _ = calendar.bounds(Period::Monthly, number);
        }
    }

    #[test]
    fn zones_come_along() {
        // What is compiled in serves where the machine has no zones.
        let bundled = jiff::tz::TimeZoneDatabase::bundled();
        assert!(!bundled.is_definitively_empty());
        assert!(bundled.get("Europe/Berlin").is_ok());
    }
}
