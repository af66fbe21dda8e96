"""The laws that every estimator is held against: all families, little and much information, 1 to 128 dimensions."""

from mvib.data.laws.discrete import symmetric_channel, uniform_step, zero_inflated_poisson
from mvib.data.laws.gaussian import dense_gaussian, gaussian, independent, sparse_gaussian
from mvib.data.laws.images import asinh, half_cube, spiral, swiss_roll, uniform, wiggly
from mvib.data.laws.student import student
from mvib.data.laws.uniform_noise import uniform_noise

LAWS = (
    independent(dim=1),
    independent(dim=16),
    gaussian(information=0.5, dim=1),
    gaussian(information=2.0, dim=1),
    gaussian(information=1.0, dim=2),
    gaussian(information=2.0, dim=4),
    gaussian(information=2.0, dim=20),
    gaussian(information=10.0, dim=20),
    gaussian(information=4.0, dim=128),
    sparse_gaussian(information=1.0, dim=5, num_pairs=2),
    sparse_gaussian(information=2.0, dim=32, num_pairs=2),
    dense_gaussian(correlation=0.5, dim_x=1, dim_y=3),
    dense_gaussian(correlation=0.5, dim_x=5, dim_y=5),
    uniform(information=0.5, dim=1),
    uniform(information=1.0, dim=2),
    uniform_noise(width=0.1),
    uniform_noise(width=0.75),
    student(correlation=0.75, dof=1, dim=1),
    student(correlation=0.0, dof=2, dim=2),
    student(correlation=0.5, dof=3, dim=3),
    half_cube(gaussian(information=1.0, dim=1)),
    half_cube(gaussian(information=2.0, dim=20)),
    asinh(student(correlation=0.5, dof=2, dim=2)),
    wiggly(gaussian(information=1.0, dim=1)),
    spiral(gaussian(information=1.0, dim=2), speed=0.5),
    spiral(sparse_gaussian(information=2.0, dim=5, num_pairs=2), speed=1 / 3),
    swiss_roll(uniform(information=1.0, dim=1)),
    symmetric_channel(num_values=5, error=0.2),
    uniform_step(num_values=5),
    zero_inflated_poisson(zeros=0.0),
    zero_inflated_poisson(zeros=0.15),
)
