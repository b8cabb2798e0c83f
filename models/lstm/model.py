"""An LSTM that predicts next month's sea surface temperature from the last six.

The series is the monthly mean temperature of the eastern Pacific (the Nino 1+2 region)
from 1950 to 2010, in elnino.csv beside this file (see DATA.md). The last ten years are
the test set. The net has to beat two naive forecasts: that next month is like this one,
and that it is like the mean of the same calendar month in the training years.

Run it by hand with `python model.py`.
"""

import os
import time

import numpy as np
from keras.layers import LSTM, Dense
from keras.models import Sequential
from keras.optimizers import SGD

STEPS = 6
TEST_YEARS = 10


def load_temperatures():
    """Return the temperatures in degrees Celsius, one row a year, one column a month."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "elnino.csv")
    return np.loadtxt(path, delimiter=",", skiprows=1)[:, 1:]


def windows(series):
    """Return every run of STEPS values, and the value that follows each."""
    count = len(series) - STEPS
    x = np.array([series[i : i + STEPS] for i in range(count)])
    return x.reshape((count, STEPS, 1)), series[STEPS:]


def build_model():
    """One small LSTM layer.

    It is unrolled because Theano compiles a loop over the time steps for twice as long
    as it does the six steps written out.
    """
    model = Sequential()
    model.add(LSTM(8, unroll=True, input_shape=(STEPS, 1)))
    model.add(Dense(1))
    model.compile(loss="mse", optimizer=SGD(learning_rate=0.05, momentum=0.9))
    return model


def rmse(forecast, truth):
    """Return the root of the mean squared error."""
    return np.sqrt(np.mean((forecast - truth) ** 2))


def main():
    years = load_temperatures()
    past, future = years[:-TEST_YEARS], years[-TEST_YEARS:]
    mean, scale = past.mean(), past.std()
    x, y = windows((years.ravel() - mean) / scale)
    x_train, y_train = x[: -future.size], y[: -future.size]
    x_test, y_test = x[-future.size :], y[-future.size :]

    model = build_model()
    start = time.perf_counter()
    model.fit(x_train, y_train, epochs=20, batch_size=32)
    seconds = time.perf_counter() - start
    loss = model.evaluate(x_test, y_test)

    truth = future.ravel()
    this_month = years.ravel()[-future.size - 1 : -1]
    same_month = np.tile(past.mean(axis=0), TEST_YEARS)
    print(f"Training took {seconds:.4f} seconds")
    print(f"Test loss: {loss:.4f}")
    print(f"Test error of the net: {np.sqrt(loss) * scale:.2f} degrees")
    print(f"Test error of 'as this month': {rmse(this_month, truth):.2f} degrees")
    print(f"Test error of 'as every year': {rmse(same_month, truth):.2f} degrees")


if __name__ == "__main__":
    main()
