from sqlmodel import SQLModel

from chassis.migrations import run_env

run_env(SQLModel.metadata)
