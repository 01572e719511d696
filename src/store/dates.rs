//! Times as people read them: `2026-11-30T10:53:05.123Z`.

const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Days of 400 years, after which the calendar repeats.
const ERA_DAYS: u64 = 146_097;
/// Days from the first of March of the year 0 to the first of January 1970.
const EPOCH_DAYS: u64 = 719_468;

/// A time, milliseconds since 1970, in UTC.
pub fn text_of(ms: u64) -> String {
    let (days, rest) = (ms / DAY_MS + EPOCH_DAYS, ms % DAY_MS);
    // "chrono-compatible low-level date algorithms" by Hinnant: a year begins in March, so that leap days come last.
    let (era, day) = (days / ERA_DAYS, days % ERA_DAYS);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hours, minutes, seconds) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", rest % 1_000)
}

/// The time that such a text says, milliseconds since 1970.
pub fn ms_of(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, ms) = time.split_once('.')?;
    let [hours, minutes, seconds] = numbers(time, ':')?;
    let ms: u64 = ms.parse().ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || year < 1970 {
        return None;
    }
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let (era, year) = (year / 400, year % 400);
    let days =
        era.checked_mul(ERA_DAYS)? + 365 * year + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1;
    let seconds = hours.checked_mul(3_600)? + minutes.checked_mul(60)? + seconds;
    days.checked_sub(EPOCH_DAYS)?
        .checked_mul(DAY_MS)?
        .checked_add(seconds.checked_mul(1_000)?)?
        .checked_add(ms)
}

fn numbers(text: &str, between: char) -> Option<[u64; 3]> {
    let parts: Option<Vec<u64>> = text.split(between).map(|part| part.parse().ok()).collect();
    parts?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{ms_of, text_of};

    #[test]
    fn times_are_written_and_read_without_loss() {
        assert_eq!(text_of(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text_of(951_782_399_999), "2000-02-28T23:59:59.999Z");
        assert_eq!(text_of(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(text_of(1_796_036_000_007), "2026-11-30T10:53:20.007Z");
        for ms in (0..5_000_000_000_000).step_by(1_234_567_891) {
            assert_eq!(ms_of(&text_of(ms)), Some(ms), "{}", text_of(ms));
        }
        let wrong =
            ["", "Z", "2026-11-30", "2026-11-30T10:53Z", "2026-13-01T00:00:00.000Z", "x-1-1T0:0:0.0Z"];
        assert!(wrong.iter().all(|text| ms_of(text).is_none()));
    }
}
