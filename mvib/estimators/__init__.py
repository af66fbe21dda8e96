"""Estimators of information quantities: pure functions from tensors to one scalar, one module each.

Every estimator returns an estimate of the quantity it names, with the quantity's sign, computed in at least float32.
Rows are examples; the row transforms an estimator expects are in `rows`. No estimator keeps state, knows a
specification, a model or another process.
"""
