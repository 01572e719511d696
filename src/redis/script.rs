//! Scripts, run by their digest.

use redis::{FromRedisValue, Script};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::error::StoreError;
use super::group::Group;

/// A script of `redis/`, behind those whose functions it uses.
macro_rules! script {
    ($name:ident, $($file:literal),+) => {
        static $name: std::sync::LazyLock<redis::Script> = std::sync::LazyLock::new(|| {
            redis::Script::new(concat!($(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/redis/", $file, ".lua"))),+))
        });
    };
}

/// Keys or arguments of a script, which are all text to it.
macro_rules! texts {
    ($($part:expr),* $(,)?) => { [$($part.to_string()),*] };
}

pub(crate) use {script, texts};

impl Group {
    /// Runs a script by its digest; it is loaded where it is not known yet.
    pub async fn invoke<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        args: &[String],
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

    /// The same, and waits until what it wrote is durable: see [`Group::settled`].
    pub async fn invoke_durably<T: FromRedisValue>(
        &self,
        script: &Script,
        keys: &[String],
        args: &[String],
    ) -> Result<T, StoreError> {
        self.settled(self.invoke(script, keys, args)).await
    }

    /// The same for a script that answers with a word, which is the name of a variant of `T`.
    pub async fn decide<T: DeserializeOwned>(
        &self,
        script: &Script,
        keys: &[String],
        args: &[String],
    ) -> Result<T, StoreError> {
        let word: String = self.invoke_durably(script, keys, args).await?;
        serde_json::from_value(Value::String(word)).map_err(StoreError::from)
    }
}
