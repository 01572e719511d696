//! What stands behind the `?` of an address: each name at most once, with a value that is allowed, or a refusal that says
//! which are.

use http::StatusCode;
use url::form_urlencoded;

use super::answer::Failure;

/// All names and values, as they were written.
#[derive(Debug)]
pub struct Query(pub String);

impl Query {
    /// The value of a name, if the name stands there; one that cannot be read is refused with these words.
    pub fn value<T>(
        &self,
        name: &str,
        words: &str,
        read: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Failure> {
        let mut values = form_urlencoded::parse(self.0.as_bytes()).filter(|(known, _)| known == name);
        let read = match (values.next(), values.next()) {
            (None, _) => return Ok(None),
            (Some((_, value)), None) => read(&value),
            (Some(_), Some(_)) => None,
        };
        read.map(Some).ok_or_else(|| Failure::new(StatusCode::BAD_REQUEST, "malformed", words))
    }
}
