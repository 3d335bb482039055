# SPDX-License-Identifier: MIT
from setuptools import setup

setup(cffi_modules=["kreg_build.py:ffibuilder"])
