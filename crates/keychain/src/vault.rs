use clawtray_companion::ports::{Secret, SecretError};

/// A keychain as one thread sees it. Calls may block.
pub trait Vault {
    /// Reads the entry of a user; `None` only when the keychain is open and certainly has no such entry.
    fn get(&mut self, user: &str) -> Result<Option<Secret>, SecretError>;
    /// Writes the entry of a user.
    fn set(&mut self, user: &str, value: &Secret) -> Result<(), SecretError>;
    /// Deletes the entry of a user. A missing entry is no error.
    fn delete(&mut self, user: &str) -> Result<(), SecretError>;
    /// Whether entries can be read now. Never asks for a password.
    fn is_open(&mut self) -> bool;
    /// The store's name for a person. May change once the store was reached.
    fn name(&self) -> String;
}
