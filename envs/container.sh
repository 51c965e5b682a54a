#!/bin/sh
# Installs tlsfind into a bare Debian 12, as both container recipes do: /opt/tlsfind holds the
# project's files, /opt/venv receives the packages of requirements.lock.
set -eu
apt-get update
# libgomp1: LightGBM's threads; the other libraries come with the packages.
apt-get install --yes --no-install-recommends bash libgomp1 python3 python3-venv
rm -rf /var/lib/apt/lists/*
python3 -m venv /opt/venv
/opt/venv/bin/pip install --no-cache-dir --requirement /opt/tlsfind/requirements.lock
/opt/venv/bin/pip install --no-cache-dir --no-deps --no-build-isolation /opt/tlsfind
/opt/venv/bin/tlsfind --version
