//! Times as people read them: `2026-11-30T10:53:05.123Z`.

use time::format_description::FormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime};

/// The one form, in UTC.
const FORM: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// A time, milliseconds since 1970, in UTC.
pub fn text_of(ms: u64) -> String {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000);
    time.ok().and_then(|time| time.format(FORM).ok()).unwrap_or_default()
}

/// The time that such a text says, milliseconds since 1970.
pub fn ms_of(text: &str) -> Option<u64> {
    let time = PrimitiveDateTime::parse(text, FORM).ok()?.assume_utc();
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
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
