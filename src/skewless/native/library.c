/* What the library says about itself. */
#include "kernels.h"

/* The hash of the sources that it was built from; a test compares it with the sources that are there. */
EXPORTED const char *skewless_sources(void) { return SKEWLESS_SOURCES; }
