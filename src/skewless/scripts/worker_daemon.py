"""Spark's Python workers for scripts of the Python 2 era: their functions find the same built-in names there."""

from pyspark import daemon

from skewless.scripts.main_script import offer_python2_names

if __name__ == "__main__":
    offer_python2_names()
    daemon.manager()
