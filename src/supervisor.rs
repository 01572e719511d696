//! The long-lived tasks of a node: none of them ends while the node serves, so that the first that does ends the node.

use std::collections::HashMap;

use tokio::task::{Id, JoinSet};

use crate::fault;

/// The tasks, each with a name for operators.
#[derive(Default)]
pub struct Supervisor {
    tasks: JoinSet<()>,
    names: HashMap<Id, String>,
}

/// A task ended that should run as long as its node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the task {task} {how}: the node cannot go on without it")]
pub struct Ended {
    /// The task's name.
    pub task: String,
    /// `panicked: …` or `came to an end`.
    pub how: String,
}

impl Supervisor {
    /// Runs a task that is to end only with the node.
    pub fn spawn(&mut self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let name = name.into();
        let task = fault::or_panic(name.clone(), task);
        self.names.insert(self.tasks.spawn(task).id(), name);
    }

    /// Waits for the first task that ends; for ever without one.
    pub async fn first_end(&mut self) -> Ended {
        let Some(ended) = self.tasks.join_next_with_id().await else { return std::future::pending().await };
        let (id, how) = match ended {
            Ok((id, ())) => (id, "came to an end".to_owned()),
            Err(error) => (error.id(), words_of(error)),
        };
        Ended { task: self.names.get(&id).cloned().unwrap_or_default(), how }
    }

    /// Ends all tasks.
    pub async fn shutdown(&mut self) {
        self.tasks.shutdown().await;
    }
}

/// What a panic said.
fn words_of(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "was stopped".to_owned() };
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied());
    format!("panicked: {}", words.unwrap_or("without a word"))
}

#[cfg(test)]
mod tests {
    use super::Supervisor;

    #[tokio::test]
    async fn the_first_end_is_told_in_words() {
        let mut supervisor = Supervisor::default();
        supervisor.spawn("steady", std::future::pending());
        supervisor.spawn("brief", async {});
        let ended = supervisor.first_end().await;
        assert_eq!(ended.to_string(), "the task brief came to an end: the node cannot go on without it");
        supervisor.spawn("broken", async { panic!("no {}", "way") });
        let ended = supervisor.first_end().await;
        assert_eq!((ended.task.as_str(), ended.how.as_str()), ("broken", "panicked: no way"));
    }
}
