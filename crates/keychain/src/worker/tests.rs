use crate::{Keychain, Vault};
use clawtray_companion::ports::{Secret, SecretError, SecretKind, SecretStore};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

type Entries = Arc<Mutex<BTreeMap<String, String>>>;

struct Memory(Entries);
impl Vault for Memory {
    fn get(&mut self, user: &str) -> Result<Option<Secret>, SecretError> {
        Ok(self.0.lock().unwrap().get(user).cloned().map(Secret::new))
    }
    fn set(&mut self, user: &str, value: &Secret) -> Result<(), SecretError> {
        self.0
            .lock()
            .unwrap()
            .insert(user.to_owned(), value.expose().to_owned());
        Ok(())
    }
    fn delete(&mut self, user: &str) -> Result<(), SecretError> {
        self.0.lock().unwrap().remove(user);
        Ok(())
    }
    fn is_open(&mut self) -> bool {
        true
    }
    fn name(&self) -> String {
        "memory".into()
    }
}

/// Blocks in `get` until its gate is opened.
struct Gated(Arc<Mutex<mpsc::Receiver<()>>>);
impl Vault for Gated {
    fn get(&mut self, _: &str) -> Result<Option<Secret>, SecretError> {
        let _ = self.0.lock().unwrap().recv();
        Ok(None)
    }
    fn set(&mut self, _: &str, _: &Secret) -> Result<(), SecretError> {
        Err(SecretError::Locked)
    }
    fn delete(&mut self, _: &str) -> Result<(), SecretError> {
        panic!("a vault that panics")
    }
    fn is_open(&mut self) -> bool {
        let _ = self.0.lock().unwrap().recv();
        true
    }
    fn name(&self) -> String {
        "gated".into()
    }
}

const LONG: Duration = Duration::from_secs(30);

#[tokio::test]
async fn entries_are_kept_per_profile_and_kind() {
    let entries = Entries::default();
    let inside = entries.clone();
    let keychain = Keychain::with(move || Box::new(Memory(inside.clone())), LONG);
    keychain
        .set("home", SecretKind::GatewayToken, Secret::new("a"))
        .await
        .unwrap();
    keychain
        .set("home", SecretKind::DeviceKey, Secret::new("b"))
        .await
        .unwrap();
    keychain
        .set("office", SecretKind::GatewayToken, Secret::new("c"))
        .await
        .unwrap();
    let users: Vec<_> = entries.lock().unwrap().keys().cloned().collect();
    assert_eq!(
        users,
        ["home:device-key", "home:gateway-token", "office:gateway-token"]
    );
    let read = keychain.get("home", SecretKind::GatewayToken).await.unwrap();
    assert_eq!(read, Some(Secret::new("a")));
    keychain.delete("home", SecretKind::GatewayToken).await.unwrap();
    assert_eq!(keychain.get("home", SecretKind::GatewayToken).await, Ok(None));
    assert_eq!(keychain.name(), "memory");
}

#[tokio::test]
async fn a_call_that_hangs_ends_at_the_limit_and_the_next_one_gets_another_thread() {
    let (open_gate, gate) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let opened = Arc::new(AtomicUsize::new(0));
    let (inside, count) = (gate.clone(), opened.clone());
    let keychain = Keychain::with(
        move || {
            // The first vault hangs, the later ones work.
            match count.fetch_add(1, Ordering::SeqCst) {
                0 => Box::new(Gated(inside.clone())),
                _ => Box::new(Memory(Entries::default())),
            }
        },
        Duration::from_secs(1),
    );
    assert_eq!(
        keychain.get("home", SecretKind::DeviceKey).await,
        Err(SecretError::Timeout)
    );
    assert_eq!(keychain.get("home", SecretKind::DeviceKey).await, Ok(None));
    assert_eq!(opened.load(Ordering::SeqCst), 2);
    drop(open_gate);
}

#[tokio::test]
async fn a_keychain_that_does_not_say_whether_it_is_open_counts_as_closed() {
    let (open_gate, gate) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let keychain = Keychain::with(move || Box::new(Gated(gate.clone())), Duration::from_millis(200));
    assert!(!keychain.is_open().await);
    drop(open_gate);
    let keychain = Keychain::with(|| Box::new(Memory(Entries::default())), LONG);
    assert!(keychain.is_open().await);
}

#[tokio::test]
async fn threads_that_hang_are_bounded() {
    let (open_gate, gate) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let hanging = Arc::new(AtomicUsize::new(0));
    let count = hanging.clone();
    let keychain = Keychain::with(
        move || {
            Box::new(Counted {
                hanging: count.clone(),
                gate: Gated(gate.clone()),
            })
        },
        Duration::from_millis(100),
    );
    for _ in 0..12 {
        assert_eq!(
            keychain.get("home", SecretKind::DeviceKey).await,
            Err(SecretError::Timeout)
        );
    }
    // A thread that started too late for its caller ends at once; only those inside a call hang.
    let hang = hanging.load(Ordering::SeqCst);
    assert!((1..=super::MOST_STUCK).contains(&hang), "{hang} threads hang");
    drop(open_gate);
}

/// Counts the calls that hang.
struct Counted {
    hanging: Arc<AtomicUsize>,
    gate: Gated,
}
impl Vault for Counted {
    fn get(&mut self, user: &str) -> Result<Option<Secret>, SecretError> {
        self.hanging.fetch_add(1, Ordering::SeqCst);
        let read = self.gate.get(user);
        self.hanging.fetch_sub(1, Ordering::SeqCst);
        read
    }
    fn set(&mut self, user: &str, value: &Secret) -> Result<(), SecretError> {
        self.gate.set(user, value)
    }
    fn delete(&mut self, user: &str) -> Result<(), SecretError> {
        self.gate.delete(user)
    }
    fn is_open(&mut self) -> bool {
        self.gate.is_open()
    }
    fn name(&self) -> String {
        self.gate.name()
    }
}

#[tokio::test]
async fn refusals_and_panics_of_a_vault_come_back_as_errors() {
    let (_open_gate, gate) = mpsc::channel();
    let gate = Arc::new(Mutex::new(gate));
    let keychain = Keychain::with(move || Box::new(Gated(gate.clone())), LONG);
    let set = keychain
        .set("home", SecretKind::DeviceKey, Secret::new("x"))
        .await;
    assert_eq!(set, Err(SecretError::Locked));
    let delete = keychain.delete("home", SecretKind::DeviceKey).await;
    assert!(matches!(delete, Err(SecretError::Refused(_))), "{delete:?}");
    // The thread is gone; the next call starts another one.
    let set = keychain
        .set("home", SecretKind::DeviceKey, Secret::new("x"))
        .await;
    assert_eq!(set, Err(SecretError::Locked));
}
