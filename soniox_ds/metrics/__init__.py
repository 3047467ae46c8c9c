"""Metrics: functions from tables to tables."""
