#!/bin/sh
mkdir -p "$PREFIX/share/hello-post-link"
echo "$PKG_NAME $PKG_VERSION" > "$PREFIX/share/hello-post-link/linked"
echo "hello-post-link was linked" >> "$PREFIX/.messages.txt"
