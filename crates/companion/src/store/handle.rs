//! The store on threads of its own, for callers that must not block.

use super::{Store, StoreError};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc},
};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&Store) + Send>;

/// A cheap handle to a [`Store`]. Jobs of one lane run one after the other, in the order in which they were given; the
/// lanes do not wait for each other. The threads end when the last handle is gone and their jobs are done.
///
/// ```no_run
/// # use clawtray_companion::store::{Store, StoreHandle, StoreOptions};
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = StoreHandle::new(Store::open("/home/me/.local/share/clawtray", StoreOptions::default())?)?;
/// let draft = store.local(|store| store.draft("home", "agent:main:main")).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct StoreHandle {
    store: Arc<Store>,
    local: mpsc::Sender<Job>,
}

impl fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreHandle")
            .field("dir", &self.store.dir())
            .finish_non_exhaustive()
    }
}

impl StoreHandle {
    /// Starts the threads.
    pub fn new(store: Store) -> Result<Self, StoreError> {
        let store = Arc::new(store);
        Ok(Self {
            local: lane(&store, "store-outbox")?,
            store,
        })
    }

    /// The blocking core, for threads that may block.
    #[must_use]
    pub fn blocking(&self) -> &Arc<Store> {
        &self.store
    }

    /// Outbox, drafts, earlier prompts, marks.
    pub async fn local<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        run(&self.local, job).await
    }
}

fn lane(store: &Arc<Store>, name: &str) -> Result<mpsc::Sender<Job>, StoreError> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let store = Arc::clone(store);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            for job in jobs {
                // A job that panics is its caller's loss alone; the lane goes on.
                let _ = catch_unwind(AssertUnwindSafe(|| job(&store)));
            }
        })
        .map_err(|_| StoreError::Closed)?;
    Ok(sender)
}

async fn run<R: Send + 'static>(
    lane: &mpsc::Sender<Job>,
    job: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |store| {
        // Nobody may be waiting any more; the job is done all the same.
        let _ = answer.send(job(store));
    });
    lane.send(job).map_err(|_| StoreError::Closed)?;
    answered.await.map_err(|_| StoreError::Closed)?
}
