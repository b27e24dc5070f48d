use super::*;
use crate::agent::Agent;
use crate::core::testing::core;

async fn last(core: &Arc<Core>, order: Order) -> Option<Progress> {
    let (tx, mut rx) = mpsc::channel(64);
    let order = Order {
        sink: Some(tx),
        ..order
    };
    start(core, order).expect("started");
    let mut last = None;
    while let Some(step) = rx.recv().await {
        last = Some(step);
    }
    last
}

fn order(run_id: &str) -> Order {
    Order {
        session: "agent:main:main".into(),
        text: "hello".into(),
        run_id: run_id.into(),
        ..Order::default()
    }
}

#[tokio::test]
async fn an_agent_that_panics_is_a_failed_run_and_nothing_stays_active() {
    let dir = tempfile::tempdir().expect("dir");
    let core = core(dir.path(), |core| core.agent = Agent::Broken);
    let mut events = core.hub.subscribe();
    for run in ["one", "two"] {
        let last = last(&core, order(run)).await;
        assert_eq!(
            last,
            Some(Progress::Failed("the agent broke down".into())),
            "{run}"
        );
        assert_eq!(core.runs.count(), 0, "{run}");
        assert!(core.runs.active_ids("agent:main:main").is_empty());
    }
    let record = core
        .store
        .session("agent:main:main")
        .expect("read")
        .expect("there");
    assert_eq!(record.status.as_deref(), Some("failed"));
    let mut told = 0;
    while let Ok(event) = events.try_recv() {
        told += usize::from(event.name == "chat" && event.payload.contains(r#""state":"error""#));
    }
    assert!(told >= 2, "those who listen are told: {told}");
}

#[tokio::test]
async fn a_time_limit_without_end_ends() {
    let dir = tempfile::tempdir().expect("dir");
    let core = core(dir.path(), |_| {});
    for timeout in [Duration::MAX, Duration::from_secs(u64::MAX)] {
        let order = Order {
            timeout: Some(timeout),
            ..order(&format!("{timeout:?}"))
        };
        assert!(matches!(last(&core, order).await, Some(Progress::Done(_))));
    }
    assert_eq!(core.runs.count(), 0);
}

#[tokio::test]
async fn one_run_that_ends_does_not_take_another_of_its_name_along() {
    let dir = tempfile::tempdir().expect("dir");
    let core = core(dir.path(), |core| {
        core.agent = Agent::Demo(crate::agent::demo::Demo::new(Duration::from_secs(60)));
    });
    start(&core, order("same")).expect("started");
    // Long after, the name is forgotten and may be used again.
    core.runs.tables().seen.clear();
    start(&core, order("same")).expect("started");
    assert_eq!(core.runs.count(), 2);
    let first = core.runs.active("agent:main:main").swap_remove(0);
    core.runs.finish(&first);
    core.runs.finish(&first);
    assert_eq!(core.runs.count(), 1);
}
