//! `cargo xtask bench desktop`: start, hotkey, memory and idle cost of the app, next to a bare tray
//! app in the same run.
//!
//! `bench-desktop [STARTS] [SECONDS AFTER CLOSING]`

#![allow(clippy::print_stdout, reason = "it prints what it measured")]

use anyhow::{Context, Result, bail};
use clawtray_lab::{Desktop, DesktopConfig};
use product_tests::TrayHost;
use product_tests::figures;
use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use x11rb::connection::Connection;
use x11rb::protocol::xproto::{
    AtomEnum, ConnectionExt as _, ImageFormat, KEY_PRESS_EVENT, KEY_RELEASE_EVENT, MapState, Window,
};
use x11rb::protocol::xtest::ConnectionExt as _;
use x11rb::rust_connection::RustConnection;

const SHOWS: usize = 12;
/// When an app that was started has done all that it does by itself.
const SETTLED: Duration = Duration::from_secs(6);
const IDLE: Duration = Duration::from_secs(20);
const PATIENCE: Duration = Duration::from_secs(30);
/// A page with letters has many shades; a window without one has a background.
const SHADES: usize = 12;

struct Subject {
    name: &'static str,
    program: PathBuf,
    args: &'static [&'static str],
    title: &'static str,
    /// A colour of its page, as the X server has it: blue, green, red. Without one, many shades are a page.
    colour: Option<[u8; 3]>,
    /// A file in the home folder that makes it let go of a page at once, and what is in it.
    forgetful: Option<(&'static str, &'static str)>,
}

#[derive(Default)]
struct Figures {
    start: Vec<f64>,
    mapped_cold: Vec<f64>,
    painted_cold: Vec<f64>,
    /// Cold again, once the page was let go of.
    mapped_again: Vec<f64>,
    painted_again: Vec<f64>,
    mapped_warm: Vec<f64>,
    painted_warm: Vec<f64>,
    never: f64,
    open: f64,
    after: f64,
    idle_cpu: f64,
    idle_wakeups: f64,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<()> {
    let mut args = std::env::args().skip(1);
    let starts = args.next().map_or(Ok(7), |text| text.parse())?;
    let after = Duration::from_secs(args.next().map_or(Ok(300), |text| text.parse())?);
    let dir = std::env::current_exe()?;
    let dir = dir.parent().context("no folder")?;
    let ours = Subject {
        name: "clawtray",
        program: dir.join("clawtray"),
        args: &["--embedded", "--hidden"],
        title: "Clawtray",
        colour: None,
        forgetful: Some((
            ".config/clawtray/settings.json",
            r#"{"version":1,"keepWarmMinutes":0}"#,
        )),
    };
    let bare = Subject {
        name: "bare",
        program: dir.join("bare-tray"),
        args: &[],
        title: "Bare",
        colour: Some([0x9b, 0x57, 0x13]),
        forgetful: None,
    };
    // One after the other: libraries that both have loaded would count for half in each.
    let ours = measure(&ours, starts, after).await?;
    let bare = measure(&bare, starts, after).await?;
    report(&ours, &bare, after)
}

async fn measure(subject: &Subject, starts: usize, after: Duration) -> Result<Figures> {
    println!("{}: {} starts", subject.name, starts);
    let mut figures = Figures::default();
    let mut last = None;
    for start in 1..=starts.max(1) {
        drop(last.take());
        let desktop = Desktop::start(&DesktopConfig::default())?;
        // What comes after the last start wants a page that is kept.
        let forgetful = subject.forgetful.filter(|_| start < starts);
        if let Some((file, text)) = forgetful {
            let file = desktop.home().join(file);
            std::fs::create_dir_all(file.parent().context("no folder")?)?;
            std::fs::write(file, text)?;
        }
        let tray = TrayHost::start(desktop.bus_address()).await?;
        let screen = Screen::open(&desktop, subject)?;
        let mut command = desktop.command(&subject.program);
        command.args(subject.args);
        let began = Instant::now();
        let process = desktop.spawn(subject.name, &mut command)?;
        tray.wait_for_item().await?;
        figures.start.push(ms(began));
        tokio::time::sleep(SETTLED).await;
        figures.never = pss(process.id())?;
        (figures.idle_cpu, figures.idle_wakeups) = (0.0, 0.0);
        if figures.start.len() == starts {
            (figures.idle_cpu, figures.idle_wakeups) = idle(process.id()).await?;
        }
        let (mapped, painted) = screen.press_and_watch()?;
        figures.mapped_cold.push(mapped);
        figures.painted_cold.push(painted);
        if forgetful.is_some() {
            screen.press_and_wait_until_gone()?;
            tokio::time::sleep(Duration::from_secs(3)).await;
            let (mapped, painted) = screen.press_and_watch()?;
            figures.mapped_again.push(mapped);
            figures.painted_again.push(painted);
        }
        last = Some((desktop, tray, process, screen));
    }
    let (_desktop, _tray, process, screen) = last.context("not started")?;
    for _ in 0..SHOWS {
        tokio::time::sleep(Duration::from_millis(700)).await;
        screen.press_and_wait_until_gone()?;
        tokio::time::sleep(Duration::from_millis(700)).await;
        let (mapped, painted) = screen.press_and_watch()?;
        figures.mapped_warm.push(mapped);
        figures.painted_warm.push(painted);
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    figures.open = pss(process.id())?;
    screen.press_and_wait_until_gone()?;
    println!(
        "{}: waiting {} s with the window closed",
        subject.name,
        after.as_secs()
    );
    tokio::time::sleep(after).await;
    figures.after = pss(process.id())?;
    Ok(figures)
}

/// The screen as the X server has it, and a keyboard.
struct Screen {
    x: RustConnection,
    root: Window,
    clients: u32,
    title: &'static str,
    colour: Option<[u8; 3]>,
}

impl Screen {
    fn open(desktop: &Desktop, subject: &Subject) -> Result<Self> {
        let display = desktop.env().iter().find(|(name, _)| *name == "DISPLAY");
        let display = display.map(|(_, value)| value.as_str()).context("no display")?;
        let (x, screen) = RustConnection::connect(Some(display))?;
        let root = x.setup().roots.get(screen).context("no screen")?.root;
        let clients = x.intern_atom(false, b"_NET_CLIENT_LIST")?.reply()?.atom;
        Ok(Self {
            x,
            root,
            clients,
            title: subject.title,
            colour: subject.colour,
        })
    }

    /// Presses Ctrl+Shift+Space, and tells when the key was down.
    fn press(&self) -> Result<Instant> {
        let (control, shift, space) = (self.keycode(0xffe3)?, self.keycode(0xffe1)?, self.keycode(0x20)?);
        let fake = |kind: u8, key: u8| self.x.xtest_fake_input(kind, key, 0, self.root, 0, 0, 0);
        fake(KEY_PRESS_EVENT, control)?;
        fake(KEY_PRESS_EVENT, shift)?;
        let down = Instant::now();
        for (kind, key) in [
            (KEY_PRESS_EVENT, space),
            (KEY_RELEASE_EVENT, space),
            (KEY_RELEASE_EVENT, shift),
            (KEY_RELEASE_EVENT, control),
        ] {
            fake(kind, key)?;
        }
        self.x.flush()?;
        Ok(down)
    }

    fn keycode(&self, keysym: u32) -> Result<u8> {
        let setup = self.x.setup();
        let (first, last) = (setup.min_keycode, setup.max_keycode);
        let map = self.x.get_keyboard_mapping(first, last - first + 1)?.reply()?;
        let row = map
            .keysyms
            .chunks(usize::from(map.keysyms_per_keycode).max(1))
            .position(|row| row.contains(&keysym))
            .context("no such key")?;
        Ok(first + u8::try_from(row)?)
    }

    /// The window with the title, while it is mapped.
    fn window(&self) -> Result<Option<Window>> {
        let list = self
            .x
            .get_property(false, self.root, self.clients, AtomEnum::WINDOW, 0, 1024)?
            .reply()?;
        for window in list.value32().into_iter().flatten() {
            // A window may go while it is looked at.
            let name = self
                .x
                .get_property(false, window, AtomEnum::WM_NAME, AtomEnum::ANY, 0, 256)?
                .reply();
            if name.is_ok_and(|name| name.value == self.title.as_bytes())
                && let Ok(attributes) = self.x.get_window_attributes(window)?.reply()
                && attributes.map_state == MapState::VIEWABLE
            {
                return Ok(Some(window));
            }
        }
        Ok(None)
    }

    fn is_painted(&self, window: Window) -> Result<bool> {
        let Ok(size) = self.x.get_geometry(window)?.reply() else {
            return Ok(false);
        };
        let image = self
            .x
            .get_image(ImageFormat::Z_PIXMAP, window, 0, 0, size.width, size.height, !0)?
            .reply();
        let Ok(image) = image else { return Ok(false) };
        if let Some(colour) = self.colour {
            return Ok(image.data.chunks_exact(4).any(|pixel| pixel.starts_with(&colour)));
        }
        let mut shades: Vec<&[u8]> = Vec::new();
        for pixel in image.data.chunks_exact(4) {
            let pixel = pixel.get(..3).unwrap_or_default();
            if !shades.contains(&pixel) {
                shades.push(pixel);
                if shades.len() >= SHADES {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Milliseconds from the key to the window on the screen, and to its content.
    fn press_and_watch(&self) -> Result<(f64, f64)> {
        let down = self.press()?;
        let window = until("the window", down, || self.window())?;
        let mapped = ms(down);
        until("the content", down, || Ok(self.is_painted(window)?.then_some(())))?;
        Ok((mapped, ms(down)))
    }

    fn press_and_wait_until_gone(&self) -> Result<()> {
        let down = self.press()?;
        until("the screen without it", down, || {
            Ok(self.window()?.is_none().then_some(()))
        })
    }
}

fn until<T>(what: &str, since: Instant, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    while since.elapsed() < PATIENCE {
        if let Some(found) = look()? {
            return Ok(found);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
    bail!("{what}: not within {PATIENCE:?}")
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

/// Memory of the program and all below it, in MB.
fn pss(process: u32) -> Result<f64> {
    Ok(figures::memory(&figures::family(process)?))
}

/// Processor time in percent of one core, and voluntary switches (a thread that slept was woken) per second. A thread that
/// ends meanwhile does not count.
async fn idle(process: u32) -> Result<(f64, f64)> {
    let all = figures::family(process)?;
    let (seconds, switches) = (figures::processor_seconds(&all), switches(&all));
    let began = Instant::now();
    tokio::time::sleep(IDLE).await;
    let all = figures::family(process)?;
    let wall = began.elapsed().as_secs_f64();
    let cpu = (figures::processor_seconds(&all) - seconds) / wall * 100.0;
    let woken = self::switches(&all).into_iter().map(|(thread, now)| {
        let before = switches.get(&thread).copied().unwrap_or_default();
        now - before
    });
    Ok((cpu, woken.sum::<f64>() / wall))
}

/// Voluntary switches of each thread so far.
fn switches(processes: &[u32]) -> HashMap<OsString, f64> {
    let mut all = HashMap::new();
    for id in processes {
        let Ok(threads) = std::fs::read_dir(format!("/proc/{id}/task")) else {
            continue;
        };
        for thread in threads.flatten() {
            let status = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
            let count = figures::number_after(&status, "voluntary_ctxt_switches:").unwrap_or_default();
            all.insert(thread.file_name(), count);
        }
    }
    all
}

fn report(ours: &Figures, bare: &Figures, after: Duration) -> Result<()> {
    let medians = |pick: fn(&Figures) -> &Vec<f64>| {
        (
            figures::percentile(pick(ours), 50),
            figures::percentile(pick(bare), 50),
        )
    };
    // The bare app never lets go of its page; its first is what there is to compare with.
    let again = |ours: &[f64], bare: &[f64]| (figures::percentile(ours, 50), figures::percentile(bare, 50));
    let closed = format!("memory, {} s after closing", after.as_secs());
    let rows = [
        (
            "start to tray registered",
            "ms",
            medians(|figures| &figures.start),
        ),
        (
            "hotkey to mapped, cold",
            "ms",
            medians(|figures| &figures.mapped_cold),
        ),
        (
            "hotkey to painted, cold",
            "ms",
            medians(|figures| &figures.painted_cold),
        ),
        (
            "hotkey to mapped, cold again",
            "ms",
            again(&ours.mapped_again, &bare.mapped_cold),
        ),
        (
            "hotkey to painted, cold again",
            "ms",
            again(&ours.painted_again, &bare.painted_cold),
        ),
        (
            "hotkey to mapped, warm",
            "ms",
            medians(|figures| &figures.mapped_warm),
        ),
        (
            "hotkey to painted, warm",
            "ms",
            medians(|figures| &figures.painted_warm),
        ),
        ("memory, never opened", "MB", (ours.never, bare.never)),
        ("memory, open", "MB", (ours.open, bare.open)),
        (closed.as_str(), "MB", (ours.after, bare.after)),
        ("idle processor time", "%", (ours.idle_cpu, bare.idle_cpu)),
        ("idle wake-ups", "1/s", (ours.idle_wakeups, bare.idle_wakeups)),
    ];
    let mut table = figures::Figures::default();
    for (name, unit, (ours, bare)) in rows {
        table.row(name, unit, ours, bare, "bare Tauri tray app");
    }
    table.finish("desktop")
}
