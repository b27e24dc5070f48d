//! Reports sleep and waking from logind. Without logind, the app notices a jump of the clock.

use crate::inbox::Inbox;

/// Starts a task that watches for sleep.
#[cfg(target_os = "linux")]
pub(crate) fn watch(inbox: Inbox) {
    tokio::spawn(async move {
        if let Err(error) = follow(&inbox).await {
            tracing::info!(%error, "sleep is not announced here");
        }
    });
}
#[cfg(not(target_os = "linux"))]
pub(crate) fn watch(_inbox: Inbox) {}

#[cfg(target_os = "linux")]
async fn follow(inbox: &Inbox) -> zbus::Result<()> {
    use crate::inbox::Input;
    use futures_util::StreamExt;

    let bus = zbus::Connection::system().await?;
    let rule = zbus::MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .interface("org.freedesktop.login1.Manager")?
        .member("PrepareForSleep")?
        .build();
    let mut signals = zbus::MessageStream::for_match_rule(rule, &bus, Some(4)).await?;
    while let Some(signal) = signals.next().await {
        if let Ok(asleep) = signal?.body().deserialize::<bool>() {
            inbox.put(Input::Sleep(asleep));
        }
    }
    Ok(())
}
