//! The thread that waits for the keychain, so that no other thread has to.

#[cfg(test)]
mod tests;

use crate::vault::Vault;
use clawtray_companion::ports::{Secret, SecretError};
use std::{
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::Duration,
};
use tokio::sync::oneshot;

/// Threads that may hang in a keychain call at a time; past it calls are refused without a try.
const MOST_STUCK: usize = 4;

type Answer<T> = oneshot::Sender<Result<T, SecretError>>;

/// One call for the thread.
pub(crate) enum Job {
    Get {
        user: String,
        answer: Answer<Option<Secret>>,
    },
    Set {
        user: String,
        value: Secret,
        answer: Answer<()>,
    },
    Delete {
        user: String,
        answer: Answer<()>,
    },
    Look {
        answer: Answer<bool>,
    },
}

type Open = dyn Fn() -> Box<dyn Vault> + Send + Sync;

pub(crate) struct Worker {
    open: Arc<Open>,
    limit: Duration,
    name: Arc<Mutex<String>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The thread that takes calls now, with its number.
    current: Option<(u64, mpsc::Sender<Job>)>,
    started: u64,
    /// Held by every thread that was left behind; gone when it ends.
    stuck: Vec<std::sync::Weak<()>>,
    alive: Option<std::sync::Weak<()>>,
}

impl Worker {
    pub(crate) fn new(open: impl Fn() -> Box<dyn Vault> + Send + Sync + 'static, limit: Duration) -> Self {
        let name = Arc::new(Mutex::new(String::new()));
        Self {
            open: Arc::new(open),
            limit,
            name,
            state: Mutex::default(),
        }
    }

    /// Hands a job to the thread and waits for its answer, at most the time limit.
    pub(crate) async fn call<T>(&self, job: impl FnOnce(Answer<T>) -> Job) -> Result<T, SecretError> {
        let (answer, answered) = oneshot::channel();
        let thread = self.hand_over(job(answer))?;
        match tokio::time::timeout(self.limit, answered).await {
            Ok(Ok(result)) => result,
            // The thread ended without an answer: its vault panicked.
            Ok(Err(_)) => {
                self.leave_behind(thread);
                Err(SecretError::Refused("the keychain call failed".into()))
            }
            Err(_) => {
                self.leave_behind(thread);
                Err(SecretError::Timeout)
            }
        }
    }

    /// The store's name, as the last call left it.
    pub(crate) fn store_name(&self) -> String {
        let known = lock(&self.name).clone();
        if known.is_empty() {
            default_name().to_owned()
        } else {
            known
        }
    }

    fn hand_over(&self, mut job: Job) -> Result<u64, SecretError> {
        let mut state = lock(&self.state);
        if let Some((number, jobs)) = &state.current {
            match jobs.send(job) {
                Ok(()) => return Ok(*number),
                Err(mpsc::SendError(back)) => job = back,
            }
        }
        state.stuck.retain(|alive| alive.strong_count() > 0);
        if state.stuck.len() >= MOST_STUCK {
            return Err(SecretError::Timeout);
        }
        let (jobs, inbox) = mpsc::channel();
        let refused = |what: &str| SecretError::Refused(what.to_owned());
        jobs.send(job)
            .map_err(|_| refused("no thread for the keychain"))?;
        let alive = Arc::new(());
        state.alive = Some(Arc::downgrade(&alive));
        state.started += 1;
        let number = state.started;
        let (open, name) = (self.open.clone(), self.name.clone());
        std::thread::Builder::new()
            .name("keychain".into())
            .spawn(move || {
                run(&*open, &inbox, &name);
                drop(alive);
            })
            .map_err(|_| refused("no thread for the keychain"))?;
        state.current = Some((number, jobs));
        Ok(number)
    }

    fn leave_behind(&self, thread: u64) {
        let mut state = lock(&self.state);
        if state
            .current
            .as_ref()
            .is_some_and(|(number, _)| *number == thread)
        {
            tracing::warn!("the keychain does not answer");
            state.current = None;
            let alive = state.alive.take();
            state.stuck.extend(alive);
        }
    }
}

fn run(open: &Open, inbox: &mpsc::Receiver<Job>, name: &Mutex<String>) {
    let mut vault = open();
    while let Ok(job) = inbox.recv() {
        // A caller that went away (its time limit passed while this job waited) wants nothing done behind its back.
        match job {
            Job::Get { user, answer } => reply(answer, || vault.get(&user)),
            Job::Set { user, value, answer } => reply(answer, || vault.set(&user, &value)),
            Job::Delete { user, answer } => reply(answer, || vault.delete(&user)),
            Job::Look { answer } => reply(answer, || Ok(vault.is_open())),
        }
        *lock(name) = vault.name();
    }
}

fn reply<T>(answer: Answer<T>, call: impl FnOnce() -> Result<T, SecretError>) {
    if !answer.is_closed() {
        // Nobody waits any longer: the call took longer than its limit.
        let _ = answer.send(call());
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const fn default_name() -> &'static str {
    if cfg!(target_os = "macos") {
        "macOS Keychain"
    } else if cfg!(windows) {
        "Windows Credential Manager"
    } else {
        "Secret Service"
    }
}
