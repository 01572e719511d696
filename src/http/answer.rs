//! Answers over HTTP: JSON, or a failure with a code for programs and words for people.

use bytes::Bytes;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use serde::Serialize;
use serde_json::json;
use warp::reply::Response;

use super::replay::NoReplay;
use crate::limits::Refused;
use crate::passwords::Busy;
use crate::redis::error::StoreError;

/// A request over HTTP that was not carried out.
#[derive(Debug)]
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    words: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Failure {
    /// A failure with its status, code and words. One that passes may be tried again after a second.
    pub fn new(status: StatusCode, code: &'static str, words: impl Into<String>) -> Self {
        let failure = Self { status, code, words: words.into(), headers: Vec::new() };
        if status == StatusCode::SERVICE_UNAVAILABLE { failure.with(RETRY_AFTER, 1) } else { failure }
    }

    #[must_use]
    pub fn with(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, after which the connection is of no use.
    #[must_use]
    pub fn closing(self) -> Self {
        self.with(CONNECTION, HeaderValue::from_static("close"))
    }

    pub fn is_logged_out(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }

    pub fn into_response(self) -> Response {
        let mut response = json(&json!({ "code": self.code, "words": self.words }));
        *response.status_mut() = self.status;
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let failure = Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many", refused.words());
        failure.with(RETRY_AFTER, refused.retry_after_secs().max(1))
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a request over HTTP could not reach the store");
        let words = "The server cannot reach its store just now. Try again.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", words)
    }
}

impl From<NoReplay> for Failure {
    fn from(why: NoReplay) -> Self {
        match why {
            NoReplay::Broken => {
                let words = "This game cannot be replayed.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "broken", words)
            }
            NoReplay::Busy => {
                let words = "Too many replays are being made just now. Try again in a moment.";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words)
            }
        }
    }
}

impl From<Busy> for Failure {
    fn from(_: Busy) -> Self {
        let words = "Too many people are logging in just now. Try again in a moment.";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "busy", words)
    }
}

/// A value as JSON, not to be kept by caches.
pub fn json<T: Serialize>(value: &T) -> Response {
    let text = serde_json::to_string(value).unwrap_or_default();
    typed(text, "application/json", "no-store")
}

/// Any body with its media type and how it may be kept.
pub fn typed(body: impl Into<Bytes>, media: &'static str, keep: &'static str) -> Response {
    let mut response = Response::new(body.into().into());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    response
}
