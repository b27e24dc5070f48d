//! A StatusNotifierItem with tooltip, attention status, left and middle click. It registers again
//! when the host restarts.

use super::{
    icons::bitmaps,
    pace::{Asked, Pace, next, settled},
    panel::Panel,
};
use crate::{
    activation::Activation,
    environment::APP_ID,
    inbox::{Inbox, Input},
    portal::Portal,
    session_bus::SessionBus,
};
use clawtray_companion::ports::{Tray, TrayAction, TrayItem, TrayModel, TraySign};
use ksni::{
    Icon, MenuItem, OfflineReason, Status, ToolTip, TrayMethods,
    menu::{CheckmarkItem, StandardItem, SubMenu},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{sync::watch, time::Instant};

/// The tray on Linux.
pub(crate) struct SniTray {
    wanted: watch::Sender<Asked>,
}

impl SniTray {
    /// Starts the tasks that speak to the tray host and look at the theme. Nothing is shown before the first model.
    pub(crate) fn start(inbox: Inbox, activation: Activation, bus: SessionBus, portal: Portal) -> Self {
        let (wanted, changes) = watch::channel(Asked {
            model: None,
            panel: super::panel::guess(),
        });
        tokio::spawn(serve(changes, bus, inbox, activation));
        let panel = wanted.clone();
        tokio::spawn(super::panel::follow(portal, move |now| {
            panel.send_if_modified(|wanted| std::mem::replace(&mut wanted.panel, now) != now);
        }));
        Self { wanted }
    }
}

impl Tray for SniTray {
    fn show(&self, model: &TrayModel) {
        self.wanted.send_if_modified(|wanted| {
            let changed = wanted.model.as_ref() != Some(model);
            if changed {
                wanted.model = Some(model.clone());
            }
            changed
        });
    }
}

/// An item on each bus, one after the other.
async fn serve(mut changes: watch::Receiver<Asked>, bus: SessionBus, inbox: Inbox, activation: Activation) {
    let Some((model, panel)) = settled(&mut changes).await else {
        return;
    };
    let mut pace = Pace::new((model, panel), Instant::now());
    loop {
        let number = bus.joined().await.map(|joined| joined.number);
        let (model, panel) = pace.shown().clone();
        let hosted = Arc::new(AtomicBool::new(true));
        let item = Item {
            model,
            panel,
            inbox: inbox.clone(),
            activation: activation.clone(),
            hosted: hosted.clone(),
        };
        // Without a host the item waits for one on the bus; only a missing bus is an error.
        let handle = match item.assume_sni_available(true).spawn().await {
            Ok(handle) => handle,
            Err(error) => {
                tracing::warn!(%error, "no tray icon");
                inbox.put(Input::TrayHost(false));
                bus.another_than(number).await;
                continue;
            }
        };
        if hosted.load(Ordering::Relaxed) {
            tracing::info!("tray icon registered");
            inbox.put(Input::TrayHost(true));
        }
        let wanted_on = tokio::select! {
            wanted_on = update(handle.clone(), &mut changes, &mut pace) => wanted_on,
            _ = bus.another_than(number) => true,
        };
        handle.shutdown().await;
        if !wanted_on {
            return;
        }
    }
}

/// Shows what changes. Whether an item is still wanted when this one is gone.
async fn update(handle: ksni::Handle<Item>, changes: &mut watch::Receiver<Asked>, pace: &mut Pace) -> bool {
    loop {
        let due = pace.due();
        let menu_due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            wanted = next(changes) => match wanted {
                Some(wanted) => pace.want(wanted, Instant::now()),
                None => return false,
            },
            () = menu_due => pace.show_waiting(Instant::now()),
        }
        let (model, panel) = pace.shown().clone();
        if handle
            .update(|item| (item.model, item.panel) = (model, panel))
            .await
            .is_none()
        {
            // It ended by itself, which ksni does with its connection: another bus may come.
            std::future::pending::<()>().await;
        }
    }
}

struct Item {
    model: TrayModel,
    panel: Panel,
    inbox: Inbox,
    activation: Activation,
    hosted: Arc<AtomicBool>,
}

impl Item {
    fn icons(&self) -> Vec<Icon> {
        bitmaps(self.model.sign, self.panel)
            .map(|image| Icon {
                width: i32::try_from(image.width).unwrap_or_default(),
                height: i32::try_from(image.height).unwrap_or_default(),
                data: argb(image.rgba),
            })
            .collect()
    }

    fn act(&self, action: TrayAction) {
        self.activation.give(ksni::current_xdg_activation_token());
        self.inbox.put(Input::Tray(action));
    }
}

/// From RGBA to ARGB in network byte order.
fn argb(mut data: Vec<u8>) -> Vec<u8> {
    for pixel in data.chunks_exact_mut(4) {
        pixel.rotate_right(1);
    }
    data
}

impl ksni::Tray for Item {
    fn id(&self) -> String {
        APP_ID.into()
    }

    fn title(&self) -> String {
        "Clawtray".into()
    }

    fn category(&self) -> ksni::Category {
        ksni::Category::Communications
    }

    fn status(&self) -> Status {
        match self.model.sign {
            TraySign::NeedsYou => Status::NeedsAttention,
            TraySign::Well | TraySign::Working | TraySign::Offline | TraySign::NeedsSignIn => Status::Active,
        }
    }

    fn icon_pixmap(&self) -> Vec<Icon> {
        self.icons()
    }

    fn attention_icon_pixmap(&self) -> Vec<Icon> {
        match self.model.sign {
            TraySign::NeedsYou => self.icons(),
            TraySign::Well | TraySign::Working | TraySign::Offline | TraySign::NeedsSignIn => Vec::new(),
        }
    }

    fn tool_tip(&self) -> ToolTip {
        let (title, rest) = self
            .model
            .tooltip
            .split_once('\n')
            .unwrap_or((&self.model.tooltip, ""));
        ToolTip {
            title: title.into(),
            description: crate::notifier::escape(rest),
            ..ToolTip::default()
        }
    }

    fn activate(&mut self, _x: i32, _y: i32) {
        self.act(TrayAction::TogglePopup);
    }

    fn secondary_activate(&mut self, _x: i32, _y: i32) {
        self.act(TrayAction::OpenBrowser);
    }

    fn menu(&self) -> Vec<MenuItem<Self>> {
        self.model.menu.iter().map(menu_item).collect()
    }

    fn watcher_online(&self) {
        self.hosted.store(true, Ordering::Relaxed);
        self.inbox.put(Input::TrayHost(true));
    }

    fn watcher_offline(&self, reason: OfflineReason) -> bool {
        tracing::info!(?reason, "no tray host");
        self.hosted.store(false, Ordering::Relaxed);
        self.inbox.put(Input::TrayHost(false));
        true
    }
}

/// Menus take an underscore for a mnemonic; two are one underscore.
fn menu_label(label: &str) -> String {
    label.replace('_', "__")
}

fn menu_item(item: &TrayItem) -> MenuItem<Item> {
    match item {
        TrayItem::Separator => MenuItem::Separator,
        TrayItem::Label(label) => StandardItem {
            label: menu_label(label),
            enabled: false,
            ..StandardItem::default()
        }
        .into(),
        TrayItem::Action { label, action } => {
            let action = action.clone();
            StandardItem {
                label: menu_label(label),
                activate: Box::new(move |item: &mut Item| item.act(action.clone())),
                ..StandardItem::default()
            }
            .into()
        }
        TrayItem::Check {
            label,
            checked,
            action,
        } => {
            let action = action.clone();
            CheckmarkItem {
                label: menu_label(label),
                checked: *checked,
                activate: Box::new(move |item: &mut Item| item.act(action.clone())),
                ..CheckmarkItem::default()
            }
            .into()
        }
        TrayItem::Submenu { label, items } => SubMenu {
            label: menu_label(label),
            submenu: items.iter().map(menu_item).collect(),
            ..SubMenu::default()
        }
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(sign: TraySign) -> Item {
        let menu = vec![
            TrayItem::Label("my_gateway".into()),
            TrayItem::Action {
                label: "Quit".into(),
                action: TrayAction::Quit,
            },
        ];
        Item {
            model: TrayModel {
                sign,
                tooltip: "Home: <b>\n1 run & more".into(),
                menu,
            },
            panel: Panel::Dark,
            inbox: Inbox::new().0,
            activation: Activation::default(),
            hosted: Arc::new(AtomicBool::new(true)),
        }
    }

    #[test]
    fn every_sign_looks_different_on_every_panel() {
        let signs = [
            TraySign::Well,
            TraySign::Working,
            TraySign::NeedsYou,
            TraySign::Offline,
            TraySign::NeedsSignIn,
        ];
        let mut looks = std::collections::HashSet::new();
        for sign in signs {
            for panel in [Panel::Dark, Panel::Light] {
                let icons = Item { panel, ..item(sign) }.icons();
                let sizes: Vec<i32> = icons.iter().map(|icon| icon.width).collect();
                assert_eq!(sizes, [16, 22, 24, 32, 44]);
                assert!(icons.iter().all(|icon| icon.data.len() == usize::try_from(icon.width * icon.height * 4).unwrap()));
                assert!(
                    looks.insert(icons.into_iter().next_back().unwrap().data),
                    "{sign:?} on {panel:?}"
                );
            }
        }
    }

    #[test]
    fn only_what_needs_the_user_asks_for_attention() {
        use ksni::Tray as _;
        assert_eq!(item(TraySign::NeedsYou).status(), Status::NeedsAttention);
        assert!(!item(TraySign::NeedsYou).attention_icon_pixmap().is_empty());
        assert_eq!(item(TraySign::Working).status(), Status::Active);
        assert!(item(TraySign::Working).attention_icon_pixmap().is_empty());
    }

    #[test]
    fn words_are_escaped_where_hosts_read_them_as_more() {
        use ksni::Tray as _;
        let item = item(TraySign::Well);
        let tip = item.tool_tip();
        assert_eq!(
            (tip.title.as_str(), tip.description.as_str()),
            ("Home: <b>", "1 run &amp; more")
        );
        match item.menu().as_slice() {
            [MenuItem::Standard(label), MenuItem::Standard(quit)] => {
                assert_eq!((label.label.as_str(), label.enabled), ("my__gateway", false));
                assert_eq!((quit.label.as_str(), quit.enabled), ("Quit", true));
            }
            other => panic!("{} items", other.len()),
        }
    }

    #[test]
    fn rgba_becomes_argb() {
        assert_eq!(argb(vec![1, 2, 3, 4, 5, 6, 7, 8]), [4, 1, 2, 3, 8, 5, 6, 7]);
    }
}
