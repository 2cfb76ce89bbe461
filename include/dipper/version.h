/* The version, read by the build as well. SPDX-License-Identifier: Apache-2.0 */
#ifndef DIPPER_VERSION_H
#define DIPPER_VERSION_H

#define DIPPER_VERSION_MAJOR 0
#define DIPPER_VERSION_MINOR 1
#define DIPPER_VERSION_PATCH 0
#define DIPPER_VERSION_STRING "0.1.0"

#endif
