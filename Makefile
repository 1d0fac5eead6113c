# 守望 Shouwang. Needs Python 3.11 or newer and make; everything else is fetched once, checked by hash.
SHELL := /bin/sh
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3 python3.11 python3.12 python3.13 python3.14 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && { echo "$$p"; break; }; done)
PY := .venv/bin/python

.PHONY: help setup run demo test check bench contracts migrate lock clean

help: ## 显示这些命令 / show these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## 创建 .venv 并安装锁定的依赖 / make .venv from the locked requirements
	@if [ -z "$(PYTHON)" ]; then \
		echo "错误：找不到 Python 3.11 或更新版本 / error: no Python 3.11 or newer found" >&2; exit 1; fi
	@"$(PYTHON)" -m deploy.local.bootstrap requirements-dev.lock

run: setup ## 在本机运行全部服务，Ctrl-C 停止 / run everything on this machine, Ctrl-C stops it
	@exec $(PY) -m deploy.local run

demo: setup ## 向运行中的系统提交全部样例个案 / send all sample cases to the running system
	@exec $(PY) -m deploy.local demo

test: setup ## 静态检查和全部测试，用临时服务器 / checks and all tests on throw-away servers
	@exec $(PY) -m deploy.local test $(ARGS)

check: setup ## ruff、mypy、import-linter / static checks alone
	@exec $(PY) -m deploy.local check

bench: setup ## 性能测试（tests/bench）/ benchmarks
	@exec $(PY) -m tests.bench $(ARGS)

contracts: setup ## 重新生成契约的模式文件 / regenerate the contract schemas
	@exec $(PY) -m contracts.generate

migrate: setup ## 建库并迁移，然后停止 / databases and migrations, then stop
	@exec $(PY) -m deploy.local migrate

lock: ## 重新锁定依赖（需要 uv）/ lock the dependencies anew (needs uv)
	@set -e; lock="uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --no-annotate"; \
	$$lock pyproject.toml -o requirements.lock; \
	$$lock pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock; \
	$$lock --group java -o requirements-java.lock

clean: setup ## 删除本地数据与缓存 / delete local data and caches
	@exec $(PY) -m deploy.local clean
