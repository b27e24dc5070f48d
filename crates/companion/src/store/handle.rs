//! The store on its own threads, for callers that must not block.

use super::{SearchQuery, Store, StoreError, StoreHit};
use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, TryRecvError},
    },
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
    write: mpsc::Sender<Job>,
    read: mpsc::Sender<Job>,
    search: mpsc::Sender<Job>,
}

/// One place where a person types a search: a newer search of the same lane ends the older one.
#[derive(Clone, Debug, Default)]
pub struct SearchLane(Arc<AtomicU64>);

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
        store.look_soon();
        Ok(Self {
            local: lane(&store, "store-outbox", |_| false)?,
            write: lane(&store, "store-write", trim_some)?,
            read: lane(&store, "store-read", |_| false)?,
            search: lane(&store, "store-search", |_| false)?,
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

    /// Like [`Self::local`], but in line at once: before any job that is asked for after this call.
    pub fn begin_local<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<R, StoreError>> + Send + 'static {
        begin(&self.local, job)
    }

    /// What changes sessions and messages. While nobody wants to write, this lane trims the cache to its budget.
    pub async fn write<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        run(&self.write, job).await
    }

    /// Like [`Self::write`], but in line at once: before any write that is asked for after this call.
    pub fn begin_write<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> impl Future<Output = Result<R, StoreError>> + Send + 'static {
        begin(&self.write, job)
    }

    /// What reads sessions and messages.
    pub async fn read<R: Send + 'static>(
        &self,
        job: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
    ) -> Result<R, StoreError> {
        run(&self.read, job).await
    }

    /// Searches. [`StoreError::Superseded`]: the person typed on, and a newer search of this lane answers.
    pub async fn search(&self, lane: &SearchLane, query: SearchQuery) -> Result<Vec<StoreHit>, StoreError> {
        let newest = Arc::clone(&lane.0);
        let mine = newest.fetch_add(1, Ordering::AcqRel) + 1;
        run(&self.search, move |store| {
            store.search_until(&query, move || newest.load(Ordering::Acquire) != mine)
        })
        .await
    }
}

/// Trims a little, while nobody wants to write. Answers whether there is more to do.
fn trim_some(store: &Store) -> bool {
    store.trim_step().is_ok_and(|(more, _)| more)
}

/// A thread for jobs. When none waits, it calls `idle` as long as that has more to do.
fn lane(store: &Arc<Store>, name: &str, idle: fn(&Store) -> bool) -> Result<mpsc::Sender<Job>, StoreError> {
    let (sender, jobs) = mpsc::channel::<Job>();
    let store = Arc::clone(store);
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            loop {
                let job = match jobs.try_recv() {
                    Ok(job) => job,
                    Err(TryRecvError::Empty) if idle(&store) => continue,
                    Err(TryRecvError::Empty) => match jobs.recv() {
                        Ok(job) => job,
                        Err(_) => return,
                    },
                    Err(TryRecvError::Disconnected) => return,
                };
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
    begin(lane, job).await
}

fn begin<R: Send + 'static>(
    lane: &mpsc::Sender<Job>,
    job: impl FnOnce(&Store) -> Result<R, StoreError> + Send + 'static,
) -> impl Future<Output = Result<R, StoreError>> + Send + 'static {
    let (answer, answered) = oneshot::channel();
    let job: Job = Box::new(move |store| {
        // Nobody may be waiting any more; the job is done all the same.
        let _ = answer.send(job(store));
    });
    let sent = lane.send(job);
    async move {
        sent.map_err(|_| StoreError::Closed)?;
        answered.await.map_err(|_| StoreError::Closed)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreOptions;

    #[tokio::test]
    async fn a_newer_search_takes_the_place_of_an_older_one() {
        let dir = tempfile::TempDir::new().unwrap();
        let handle =
            StoreHandle::new(Store::open(dir.path().join("data"), StoreOptions::default()).unwrap()).unwrap();
        let (lane, other) = (SearchLane::default(), SearchLane::default());
        let query = SearchQuery {
            text: "x".to_owned(),
            limit: 1,
            ..SearchQuery::default()
        };
        // The search thread is held up until all three wait in line.
        let (go, wait) = mpsc::channel::<()>();
        handle
            .search
            .send(Box::new(move |_| wait.recv().unwrap_or_default()))
            .unwrap();
        let (first, second, elsewhere, ()) = tokio::join!(
            biased;
            handle.search(&lane, query.clone()),
            handle.search(&lane, query.clone()),
            handle.search(&other, query.clone()),
            async { go.send(()).unwrap() },
        );
        assert!(matches!(first, Err(StoreError::Superseded)));
        assert_eq!(second.unwrap(), []);
        assert_eq!(elsewhere.unwrap(), []);
    }

    #[tokio::test]
    async fn the_lanes_do_not_wait_for_each_other() {
        let dir = tempfile::TempDir::new().unwrap();
        let handle =
            StoreHandle::new(Store::open(dir.path().join("data"), StoreOptions::default()).unwrap()).unwrap();
        let (go, wait) = mpsc::channel::<()>();
        handle
            .write
            .send(Box::new(move |_| wait.recv().unwrap_or_default()))
            .unwrap();
        handle
            .local(|store| store.save_draft("home", "s", "typed", 1))
            .await
            .unwrap();
        assert!(
            handle
                .read(|store| store.sessions("home"))
                .await
                .unwrap()
                .is_empty()
        );
        go.send(()).unwrap();
        handle.write(|store| store.clear_gateway("home")).await.unwrap();
        assert_eq!(
            handle.local(|store| store.draft("home", "s")).await.unwrap(),
            "typed"
        );
    }
}
