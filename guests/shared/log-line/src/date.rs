//! The time stamp of a line: `dd/Mon/yyyy:HH:MM:SS +hhmm`.

/// The number of bytes of a date, its brackets not counted.
pub(crate) const DATE_BYTES: usize = 26;

/// A point in time as a line gives it: an existing day of the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
    seconds: u32,
    offset_minutes: i16,
}

impl Date {
    /// Reads a date, none where it is malformed or no such day or time exists.
    pub fn parse(text: &[u8; DATE_BYTES]) -> Option<Self> {
        let [d1, d2, b'/', m1, m2, m3, b'/', y1, y2, y3, y4, b':', rest @ ..] = *text else { return None };
        let [h1, h2, b':', i1, i2, b':', s1, s2, b' ', sign, o1, o2, o3, o4] = rest else { return None };
        let month = match &[m1, m2, m3] {
            b"Jan" => 1,
            b"Feb" => 2,
            b"Mar" => 3,
            b"Apr" => 4,
            b"May" => 5,
            b"Jun" => 6,
            b"Jul" => 7,
            b"Aug" => 8,
            b"Sep" => 9,
            b"Oct" => 10,
            b"Nov" => 11,
            b"Dec" => 12,
            _ => return None,
        };
        let day = pair(d1, d2)?;
        let year = u16::from(pair(y1, y2)?) * 100 + u16::from(pair(y3, y4)?);
        if day == 0 || day > days_in(year, month) {
            return None;
        }
        let (hours, minutes, seconds) = (pair(h1, h2)?, pair(i1, i2)?, pair(s1, s2)?);
        if hours > 23 || minutes > 59 || seconds > 59 {
            return None;
        }
        let offset = i16::from(pair(o1, o2)?) * 60 + i16::from(pair(o3, o4)?);
        let offset_minutes = match sign {
            b'+' => offset,
            b'-' => -offset,
            _ => return None,
        };
        let seconds = u32::from(hours) * 3600 + u32::from(minutes) * 60 + u32::from(seconds);
        Some(Self { year, month, day, seconds, offset_minutes })
    }

    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    pub fn epoch_seconds(&self) -> i64 {
        days_since_epoch(self.year, self.month, self.day) * 86_400 + i64::from(self.seconds)
            - i64::from(self.offset_minutes) * 60
    }
}

fn pair(tens: u8, ones: u8) -> Option<u8> {
    let (tens, ones) = (tens.wrapping_sub(b'0'), ones.wrapping_sub(b'0'));
    (tens < 10 && ones < 10).then(|| tens * 10 + ones)
}

fn days_in(year: u16, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is the last.
fn days_since_epoch(year: u16, month: u8, day: u8) -> i64 {
    let (month, day) = (i64::from(month), i64::from(day));
    let year = i64::from(year) - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn epoch(text: &str) -> Option<i64> {
        Date::parse(text.as_bytes().try_into().unwrap()).map(|date| date.epoch_seconds())
    }

    #[test]
    fn reads_times_of_any_offset() {
        assert_eq!(epoch("01/Jan/1970:00:00:00 +0000"), Some(0));
        assert_eq!(epoch("31/Dec/1969:23:00:00 -0100"), Some(0));
        assert_eq!(epoch("10/Oct/2000:13:55:36 -0700"), Some(971_211_336));
        assert_eq!(epoch("29/Feb/2000:00:00:00 +0530"), Some(951_762_600));
        assert_eq!(epoch("01/Jan/0000:00:00:00 +0000"), Some(-62_167_219_200));
        assert_eq!(epoch("31/Dec/9999:23:59:59 +0000"), Some(253_402_300_799));
        assert_eq!(epoch("01/Jan/1970:00:00:00 -9999"), Some(99 * 3600 + 99 * 60));
    }

    #[test]
    fn knows_the_days_that_exist() {
        for good in ["29/Feb/2024", "29/Feb/2000", "29/Feb/0000", "30/Apr/2023", "31/Dec/2023", "01/Jan/0001"]
        {
            assert!(epoch(&format!("{good}:00:00:00 +0000")).is_some(), "{good}");
        }
        for bad in [
            "29/Feb/2023",
            "29/Feb/1900",
            "30/Feb/2024",
            "31/Apr/2023",
            "32/Jan/2023",
            "00/Jan/2023",
            "01/jan/2023",
        ] {
            assert!(epoch(&format!("{bad}:00:00:00 +0000")).is_none(), "{bad}");
        }
    }

    #[test]
    fn refuses_what_is_no_time() {
        for bad in [
            "24:00:00 +0000",
            "23:60:00 +0000",
            "23:59:60 +0000",
            "23:59:59 00000",
            "23:59:59 +00:0",
            "23:59:5  +0000",
            "23:59:59+ 0000",
            "2 :59:59 +0000",
            "/3:59:59 +0000",
            ":3:59:59 +0000",
        ] {
            assert!(epoch(&format!("01/Jan/2023:{bad}")).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn the_day_after_is_a_day_later(days in -719_528_i64..2_932_896) {
            let (year, month, day) = civil(days);
            prop_assert_eq!(days_since_epoch(year, month, day), days);
            let (next_year, next_month, next_day) = civil(days + 1);
            let first = (next_year, next_month, next_day) == (year + u16::from(month == 12), month % 12 + 1, 1);
            prop_assert!(next_day == day + 1 || first && day == days_in(year, month));
        }
    }

    /// The inverse by counting years and months.
    fn civil(days: i64) -> (u16, u8, u8) {
        let mut left = days + 719_528;
        let mut year = 0_u16;
        loop {
            let length = if days_in(year, 2) == 29 { 366 } else { 365 };
            if left < length {
                break;
            }
            left -= length;
            year += 1;
        }
        let mut month = 1;
        while left >= i64::from(days_in(year, month)) {
            left -= i64::from(days_in(year, month));
            month += 1;
        }
        (year, month, u8::try_from(left).unwrap() + 1)
    }
}
