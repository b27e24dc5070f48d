//! A stand-in for the desktop's tray: watcher and host of `org.kde.StatusNotifierItem`, on the real D-Bus interfaces.

mod menu;
mod watcher;

pub use menu::MenuEntry;

use crate::waiting::{Asked, PATIENCE, asked, stage_hands, watched};
use anyhow::{Context, Result};
use futures_util::StreamExt;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;
use watcher::Watcher;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::InterfaceName;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};
use zbus::{Connection, connection};

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const ITEM: &str = "org.kde.StatusNotifierItem";

/// Where an item is on the bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemAddress {
    /// The name it is reached by.
    pub service: String,
    /// Its object.
    pub path: String,
    /// The connection that registered it.
    pub owner: String,
}

/// What an item shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ItemLook {
    /// The program's id for it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `Passive`, `Active` or `NeedsAttention`.
    pub status: String,
    /// Icon by name or path; empty when there are pixels.
    pub icon_name: String,
    /// Icon as pixels.
    pub icon_pixels: Pixels,
    /// The tooltip's headline.
    pub tooltip_title: String,
    /// The tooltip's text.
    pub tooltip_text: String,
    /// The menu's object.
    pub menu: Option<String>,
    /// A left click opens the menu.
    pub is_menu: bool,
}

impl ItemLook {
    /// Both lines of the tooltip.
    #[must_use]
    pub fn tooltip(&self) -> String {
        format!("{}\n{}", self.tooltip_title, self.tooltip_text)
            .trim()
            .to_owned()
    }

    /// Name and pixels of the icon: differs when the icon does.
    #[must_use]
    pub fn icon(&self) -> (&str, &Pixels) {
        (&self.icon_name, &self.icon_pixels)
    }
}

/// A running tray. Dropping it takes it off the bus.
#[derive(Debug)]
pub struct TrayHost {
    connection: Connection,
    items: Arc<watch::Sender<Vec<ItemAddress>>>,
}

impl TrayHost {
    /// Puts a tray on the bus at `address`.
    ///
    /// # Errors
    /// The bus cannot be reached or has a tray already.
    pub async fn start(address: &str) -> Result<Self> {
        let items = Arc::new(watch::Sender::new(Vec::new()));
        let watcher = Watcher {
            items: Arc::clone(&items),
        };
        let builder = connection::Builder::address(address)?.serve_at("/StatusNotifierWatcher", watcher)?;
        let builder = builder.name(WATCHER)?;
        let connection = stage_hands()?
            .spawn(builder.build())
            .await?
            .context("cannot put a tray on the bus")?;
        forget_the_gone(&connection, Arc::clone(&items)).await?;
        Ok(Self { connection, items })
    }

    /// The items that are there.
    #[must_use]
    pub fn items(&self) -> Vec<ItemAddress> {
        self.items.borrow().clone()
    }

    /// Waits for the first item.
    ///
    /// # Errors
    /// None came in time.
    pub async fn wait_for_item(&self) -> Result<ItemAddress> {
        let find = |items: &Vec<ItemAddress>| items.first().cloned();
        watched("a tray item", &self.items, find, |_| "none".into()).await
    }

    /// Waits until no item is left.
    ///
    /// # Errors
    /// One still is.
    pub async fn wait_for_no_item(&self) -> Result<()> {
        let find = |items: &Vec<ItemAddress>| items.is_empty().then_some(());
        watched("an empty tray", &self.items, find, |items| format!("{items:?}")).await
    }

    /// What an item shows now.
    ///
    /// # Errors
    /// It is gone.
    pub async fn look(&self, item: &ItemAddress) -> Result<ItemLook> {
        let properties = PropertiesProxy::builder(&self.connection)
            .destination(item.service.clone())?
            .path(item.path.clone())?
            .build()
            .await?;
        let interface = InterfaceName::try_from(ITEM)?;
        let mut values = properties.get_all(interface).await?;
        let tooltip: Tooltip = take(&mut values, "ToolTip").unwrap_or_default();
        let menu: Option<OwnedObjectPath> = take(&mut values, "Menu");
        Ok(ItemLook {
            id: take(&mut values, "Id").unwrap_or_default(),
            title: take(&mut values, "Title").unwrap_or_default(),
            status: take(&mut values, "Status").unwrap_or_default(),
            icon_name: take(&mut values, "IconName").unwrap_or_default(),
            icon_pixels: take(&mut values, "IconPixmap").unwrap_or_default(),
            tooltip_title: tooltip.2,
            tooltip_text: tooltip.3,
            menu: menu.map(|path| path.to_string()),
            is_menu: take(&mut values, "ItemIsMenu").unwrap_or_default(),
        })
    }

    /// Waits until the item looks as `matches` wants.
    ///
    /// # Errors
    /// It did not in time, or is gone.
    pub async fn wait_for_look(
        &self,
        what: &str,
        item: &ItemAddress,
        matches: impl Fn(&ItemLook) -> bool,
    ) -> Result<ItemLook> {
        asked(&format!("the tray item: {what}"), || async {
            let look = self.look(item).await?;
            Ok(if matches(&look) {
                Asked::There(look)
            } else {
                Asked::NotYet(format!(
                    "status {}, icon {:?}, tooltip {:?}",
                    look.status,
                    look.icon_name,
                    look.tooltip()
                ))
            })
        })
        .await
    }

    /// A left click.
    ///
    /// # Errors
    /// The item is gone or refuses.
    pub async fn click(&self, item: &ItemAddress) -> Result<()> {
        self.call(item, "Activate").await
    }

    /// A middle click.
    ///
    /// # Errors
    /// The item is gone or refuses.
    pub async fn middle_click(&self, item: &ItemAddress) -> Result<()> {
        self.call(item, "SecondaryActivate").await
    }

    /// Takes the tray off the bus, as when a panel is restarted.
    ///
    /// # Errors
    /// The bus is gone.
    pub async fn stop(self) -> Result<()> {
        Ok(self.connection.close().await?)
    }

    async fn call(&self, item: &ItemAddress, method: &str) -> Result<()> {
        let (service, path) = (item.service.as_str(), item.path.as_str());
        let call = self
            .connection
            .call_method(Some(service), path, Some(ITEM), method, &(10_i32, 10_i32));
        tokio::time::timeout(PATIENCE, call)
            .await
            .with_context(|| format!("{method} was not answered"))??;
        Ok(())
    }
}

/// Pictures in several sizes: width, height, ARGB.
pub type Pixels = Vec<(i32, i32, Vec<u8>)>;

/// Icon name, pixels, headline, text.
type Tooltip = (String, Pixels, String, String);

fn take<T: TryFrom<OwnedValue>>(values: &mut HashMap<String, OwnedValue>, name: &str) -> Option<T> {
    values.remove(name)?.try_into().ok()
}

/// An item goes when its owner leaves the bus.
async fn forget_the_gone(connection: &Connection, items: Arc<watch::Sender<Vec<ItemAddress>>>) -> Result<()> {
    let bus = DBusProxy::new(connection).await?;
    let mut changes = bus.receive_name_owner_changed().await?;
    stage_hands()?.spawn(async move {
        while let Some(change) = changes.next().await {
            let Ok(change) = change.args() else { continue };
            if change.new_owner.is_none() {
                let gone = change.name.as_str();
                items.send_modify(|items| items.retain(|item| item.owner != gone && item.service != gone));
            }
        }
    });
    Ok(())
}
