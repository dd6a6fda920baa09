#!/bin/sh
rm -f "$PREFIX/share/hello-post-link/linked"
