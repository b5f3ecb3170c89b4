//! Time stamps as logs write them.

const MONTHS: [(&str, u64); 12] = [
    ("Jan", 31),
    ("Feb", 28),
    ("Mar", 31),
    ("Apr", 30),
    ("May", 31),
    ("Jun", 30),
    ("Jul", 31),
    ("Aug", 31),
    ("Sep", 30),
    ("Oct", 31),
    ("Nov", 30),
    ("Dec", 31),
];

const DAY: u64 = 86_400;
/// The calendar begins here.
const FIRST_YEAR: u64 = 2024;

/// `dd/Mon/yyyy:HH:MM:SS` of a time in seconds since the start of 2024.
pub(crate) fn stamp(seconds: u64) -> String {
    let (mut days, time) = (seconds / DAY, seconds % DAY);
    let mut year = FIRST_YEAR;
    loop {
        for (month, length) in MONTHS {
            let leap = u64::from(month == "Feb" && is_leap(year));
            if days < length + leap {
                let (hour, minute, second) = (time / 3600, time / 60 % 60, time % 60);
                return format!("{:02}/{month}/{year:04}:{hour:02}:{minute:02}:{second:02}", days + 1);
            }
            days -= length + leap;
        }
        year += 1;
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_follow_one_another() {
        assert_eq!(stamp(0), "01/Jan/2024:00:00:00");
        assert_eq!(stamp(59 * DAY + 3_661), "29/Feb/2024:01:01:01");
        assert_eq!(stamp(60 * DAY), "01/Mar/2024:00:00:00");
        assert_eq!(stamp(366 * DAY - 1), "31/Dec/2024:23:59:59");
        assert_eq!(stamp(366 * DAY + 59 * DAY), "01/Mar/2025:00:00:00");
    }
}
