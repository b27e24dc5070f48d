//! Keeps copied text after its window is gone.
//!
//! The desktop's clipboard manager takes it over. Without a manager, the program that owns the copy
//! has to stay.

use gtk::{gdk, glib::object::ObjectExt as _};

/// Hands the copied text to the desktop's clipboard manager. True if this program still owns it, because
/// there is no manager.
/// On the main thread; a manager that does not answer is waited for, by the toolkit, for ten seconds.
pub(crate) fn hand_over() -> bool {
    if is_ours() {
        gtk::Clipboard::get(&gdk::SELECTION_CLIPBOARD).store();
    }
    is_ours()
}

/// Calls when somebody copied something elsewhere. On the main thread.
pub(crate) fn when_lost(lost: impl Fn() + 'static) {
    let clipboard = gtk::Clipboard::get(&gdk::SELECTION_CLIPBOARD);
    clipboard.connect_local("owner-change", false, move |_| {
        if !is_ours() {
            lost();
        }
        None
    });
}

fn is_ours() -> bool {
    let owner = gdk::selection_owner_get(&gdk::SELECTION_CLIPBOARD);
    // Another program's window is known here, too, once the toolkit has told of it.
    owner.is_some_and(|owner| owner.window_type() != gdk::WindowType::Foreign)
}
