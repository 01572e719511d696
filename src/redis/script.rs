//! Scripts, run by their digest, with arguments of mixed kinds.

use redis::{FromRedisValue, RedisWrite, Script, ToRedisArgs};

use super::error::StoreError;
use super::group::Group;

impl Group {
    /// Runs a script by its digest; it is loaded where it is not known yet.
    pub async fn invoke<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        args: &[Arg<'_>],
    ) -> Result<T, StoreError> {
        let mut invocation = script.prepare_invoke();
        for key in keys {
            invocation.key(key);
        }
        for arg in args {
            invocation.arg(arg);
        }
        self.exchange(async |mut wire| invocation.invoke_async(&mut wire).await).await
    }
}

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
