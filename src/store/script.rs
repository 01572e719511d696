//! Arguments of a script, of mixed kinds.

use redis::{RedisWrite, ToRedisArgs};

/// An argument of a script.
pub enum Arg<'a> {
    /// Text.
    Text(&'a str),
    /// Text made for the call.
    Owned(String),
    /// A number.
    Number(u64),
}

impl ToRedisArgs for Arg<'_> {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        match self {
            Arg::Text(text) => text.write_redis_args(out),
            Arg::Owned(text) => text.write_redis_args(out),
            Arg::Number(number) => number.write_redis_args(out),
        }
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Self {
        Arg::Text(text)
    }
}

impl From<String> for Arg<'_> {
    fn from(text: String) -> Self {
        Arg::Owned(text)
    }
}

impl From<u64> for Arg<'_> {
    fn from(number: u64) -> Self {
        Arg::Number(number)
    }
}
