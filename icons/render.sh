#!/bin/sh
# Renders the PNGs, the .ico and the .icns from the SVG sources. Needs rsvg-convert, and Node for the last two.
# Run it after changing a source; what it makes is committed.
set -eu
cd "$(dirname "$0")"

app() { rsvg-convert -w "$1" -h "$1" app-icon.svg -o "$2"; }
app 32 32x32.png
app 128 128x128.png
app 256 128x128@2x.png
app 512 icon.png

# Tray signs: "on-dark" has light strokes for a dark panel, "on-light" dark ones.
mkdir -p tray/png
for sign in well working needs-you needs-you-color offline needs-sign-in; do
  for size in 16 22 24 32 44; do
    sed 's/color="#000"/color="#ffffff"/' "tray/$sign.svg" | rsvg-convert -w $size -h $size -o "tray/png/$sign-on-dark-$size.png"
    sed 's/color="#000"/color="#23201c"/' "tray/$sign.svg" | rsvg-convert -w $size -h $size -o "tray/png/$sign-on-light-$size.png"
  done
done

if [ "${1:-}" = all ]; then
  made=$(mktemp -d)
  npx --yes @tauri-apps/cli@2 icon app-icon.svg --output "$made" >/dev/null
  cp "$made/icon.ico" "$made/icon.icns" .
  rm -r "$made"
fi
