// What a camera sees of a triangle mesh. The law is src/sfumato/kernels/reference_mesh.py: the same operations in the
// same order without fused multiply-add (see CMakeLists.txt), so that both agree on every pixel.
#include <algorithm>
#include <cmath>

#include "abi.h"

namespace SFU_NAME(mesh) {

struct Vec {
    double x, y, z;
};

Vec cross(const Vec& b, const Vec& c) { return {b.y * c.z - b.z * c.y, b.z * c.x - b.x * c.z, b.x * c.y - b.y * c.x}; }

struct View {
    double fx, fy, cx, cy, near;
    int width, height;
};

// Whether a triangle owns the pixels whose centres lie on an edge: those on its left and top.
bool owns(const Vec& e) { return e.x > 0 || (e.x == 0 && (e.y > 0 || (e.y == 0 && e.z > 0))); }

struct Range {
    int first, after;
};

// The pixels along one axis whose centres lie between the lowest and the highest of three places.
Range between(double a, double b, double c, int size) {
    constexpr double margin = 1e-3;
    const double low = std::ceil(std::min({a, b, c}) - 0.5 - margin);
    const double high = std::floor(std::max({a, b, c}) - 0.5 + margin) + 1;
    return {int(std::clamp(low, 0.0, double(size))), int(std::clamp(high, 0.0, double(size)))};
}

struct Picture {
    int32_t* face;
    float* barycentric;
    double* depth;
};

void draw(int32_t number, const Vec (&corner)[3], const View& view, const Picture& out) {
    const int behind = (corner[0].z < view.near) + (corner[1].z < view.near) + (corner[2].z < view.near);
    if (behind == 3) return;
    Vec edge[3] = {cross(corner[1], corner[2]), cross(corner[2], corner[0]), cross(corner[0], corner[1])};
    const double volume = corner[0].x * edge[0].x + corner[0].y * edge[0].y + corner[0].z * edge[0].z;
    if (volume == 0) return;
    if (volume < 0)
        for (Vec& e : edge) e = {-e.x, -e.y, -e.z};
    Range columns{0, view.width}, rows{0, view.height};
    if (!behind) {
        double x[3], y[3];
        for (int k = 0; k < 3; ++k) {
            x[k] = corner[k].x / corner[k].z * view.fx + view.cx;
            y[k] = corner[k].y / corner[k].z * view.fy + view.cy;
        }
        columns = between(x[0], x[1], x[2], view.width);
        rows = between(y[0], y[1], y[2], view.height);
    }
    const bool owned[3] = {owns(edge[0]), owns(edge[1]), owns(edge[2])};
    for (int row = rows.first; row < rows.after; ++row) {
        const double ry = (row + 0.5 - view.cy) / view.fy;
        for (int column = columns.first; column < columns.after; ++column) {
            const double rx = (column + 0.5 - view.cx) / view.fx;
            double side[3];
            bool hit = true;
            for (int k = 0; k < 3 && hit; ++k) {
                side[k] = rx * edge[k].x + ry * edge[k].y + edge[k].z;
                hit = side[k] > 0 || (side[k] == 0 && owned[k]);
            }
            if (!hit) continue;
            const double total = (side[0] + side[1]) + side[2];
            const double depth = std::fabs(volume) / total;
            const size_t pixel = size_t(row) * view.width + column;
            if (!(depth >= view.near) || !(depth < out.depth[pixel])) continue;
            out.depth[pixel] = depth;
            out.face[pixel] = number;
            for (int k = 0; k < 3; ++k) out.barycentric[3 * pixel + k] = float(side[k] / total);
        }
    }
}

}  // namespace SFU_NAME(mesh)

using namespace SFU_NAME(mesh);

// Draws `count` faces [count, 3] of vertices in the camera's coordinates [V, 3]. `view` holds fx, fy, cx, cy and the
// near plane. The caller has filled face with -1, barycentric with 0 and depth with infinity.
SFU_API(void) SFU_NAME(sfu_render_mesh)(const double* vertices, const int32_t* faces, int64_t count, const double* view,
                                        int32_t width, int32_t height, int32_t* face, float* barycentric,
                                        double* depth) {
    const View camera{view[0], view[1], view[2], view[3], view[4], width, height};
    const Vec* points = reinterpret_cast<const Vec*>(vertices);
    const Picture out{face, barycentric, depth};
    for (int64_t k = 0; k < count; ++k) {
        const Vec corner[3] = {points[faces[3 * k]], points[faces[3 * k + 1]], points[faces[3 * k + 2]]};
        draw(int32_t(k), corner, camera, out);
    }
}
